// Command referee is a second opinion for tests of the files in deploy/: it reads YAML as Kubernetes
// reads it, queries as Prometheus reads them, and runs a health check as Argo CD does.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/prometheus/prometheus/promql/parser"
	lua "github.com/yuin/gopher-lua"
	"sigs.k8s.io/yaml"
)

const usage = `usage: referee yaml < FILE          documents as JSON, one a line; strict
       referee kinds < LINES        objects of Flux and Prometheus, strictly; which there were
       referee promql < LINES       what each line, an expression, selects, as JSON, one a line
       referee lua SCRIPT < OBJECT  the health that an Argo CD check gives a JSON object`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "referee:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "yaml":
		return documents(os.Stdin, os.Stdout)
	case len(arguments) == 1 && arguments[0] == "promql":
		return queries(os.Stdin, os.Stdout)
	case len(arguments) == 1 && arguments[0] == "kinds":
		return kinds(os.Stdin, os.Stdout)
	case len(arguments) == 2 && arguments[0] == "lua":
		return health(arguments[1], os.Stdin, os.Stdout)
	}
	return errors.New(usage)
}

// documents writes each document of a YAML stream as one line of JSON. Duplicate keys are errors.
// Like kubectl it takes a line that begins with three dashes for the end of a document.
func documents(in io.Reader, out io.Writer) error {
	stream, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	for at, text := range bytes.Split(append([]byte("\n"), stream...), []byte("\n---")) {
		number := at + 1
		var value any
		if err := yaml.UnmarshalStrict(text, &value); err != nil {
			return fmt.Errorf("document %d: %w", number, err)
		}
		if value == nil {
			continue
		}
		line, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("document %d: %w", number, err)
		}
		fmt.Fprintln(out, string(line))
	}
	return nil
}

type matcher struct {
	Label string `json:"label"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

type selected struct {
	Metric   string    `json:"metric"`
	Matchers []matcher `json:"matchers"`
	Labels   []string  `json:"labels"`
}

// queries writes, for each expression, the metrics it selects with what it asks of their labels.
// `labels` are those of all groupings of the expression.
func queries(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		expression, err := parser.ParseExpr(lines.Text())
		if err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
		found := []selected{}
		groupings := []string{}
		parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
			switch node := node.(type) {
			case *parser.AggregateExpr:
				groupings = append(groupings, node.Grouping...)
			case *parser.VectorSelector:
				one := selected{Metric: node.Name, Matchers: []matcher{}}
				for _, m := range node.LabelMatchers {
					if m.Name != "__name__" {
						one.Matchers = append(one.Matchers, matcher{m.Name, m.Type.String(), m.Value})
					}
				}
				found = append(found, one)
			}
			return nil
		})
		for at := range found {
			found[at].Labels = groupings
		}
		line, err := json.Marshal(found)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, string(line))
	}
	return lines.Err()
}

// health runs a check with the object in `obj`, in the interpreter that Argo CD embeds and with the
// libraries it opens for checks that may not use more.
func health(script string, in io.Reader, out io.Writer) error {
	text, err := os.ReadFile(script)
	if err != nil {
		return err
	}
	var object map[string]any
	if err := json.NewDecoder(in).Decode(&object); err != nil {
		return err
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName:   lua.OpenPackage,
		lua.BaseLibName:   lua.OpenBase,
		lua.TabLibName:    lua.OpenTable,
		lua.StringLibName: lua.OpenString,
		lua.MathLibName:   lua.OpenMath,
	} {
		state.Push(state.NewFunction(open))
		state.Push(lua.LString(name))
		if err := state.PCall(1, 0, nil); err != nil {
			return err
		}
	}
	state.SetGlobal("obj", toLua(state, object))
	if err := state.DoString(string(text)); err != nil {
		return err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return fmt.Errorf("the check returned %s, not a table", state.Get(-1).Type())
	}
	answer := map[string]string{}
	table.ForEach(func(key, value lua.LValue) { answer[key.String()] = value.String() })
	var line bytes.Buffer
	if err := json.NewEncoder(&line).Encode(answer); err != nil {
		return err
	}
	_, err = out.Write(line.Bytes())
	return err
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case float64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		table := state.CreateTable(len(value), 0)
		for _, item := range value {
			table.Append(toLua(state, item))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(value))
		for key, item := range value {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	}
	return lua.LNil
}
