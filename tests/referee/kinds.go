package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	helm "github.com/fluxcd/helm-controller/api/v2"
	kustomize "github.com/fluxcd/kustomize-controller/api/v1"
	source "github.com/fluxcd/source-controller/api/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
)

// foreign makes an empty object of a kind that no API server knows by itself.
var foreign = map[string]func() any{
	"helm.toolkit.fluxcd.io/v2 HelmRelease":        func() any { return new(helm.HelmRelease) },
	"kustomize.toolkit.fluxcd.io/v1 Kustomization": func() any { return new(kustomize.Kustomization) },
	"source.toolkit.fluxcd.io/v1 GitRepository":    func() any { return new(source.GitRepository) },
	"monitoring.coreos.com/v1 ServiceMonitor":      func() any { return new(monitoring.ServiceMonitor) },
	"monitoring.coreos.com/v1 PrometheusRule":      func() any { return new(monitoring.PrometheusRule) },
}

// kinds reads JSON objects, one a line, as the programs do that own their kinds: a field they do not
// have is an error. It writes the kinds that it knows.
func kinds(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var kind struct{ APIVersion, Kind string }
		if err := json.Unmarshal(lines.Bytes(), &kind); err != nil {
			return err
		}
		name := kind.APIVersion + " " + kind.Kind
		object, known := foreign[name]
		if !known {
			continue
		}
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(object()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(out, "%q\n", name)
	}
	return lines.Err()
}
