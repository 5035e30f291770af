{{/* Name of the chart, which is also the container's. */}}
{{- define "sops.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{/* Name of most objects: the release's if it says what it is, else with the chart's behind it. */}}
{{- define "sops.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "sops.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end }}

{{/* The two labels of the Deployment's selector. They cannot change in an upgrade: never add one. */}}
{{- define "sops.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sops.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sops.labels" -}}
{{ include "sops.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The labels and those of a value, which may not replace them: a list of the context and the value. */}}
{{- define "sops.labelsWith" -}}
{{- $own := include "sops.labels" (index . 0) | fromYaml -}}
{{- toYaml (merge $own (index . 1 | default dict)) -}}
{{- end }}

{{- define "sops.serviceAccountName" -}}
{{- if .Values.serviceAccount.enabled -}}
{{- default (include "sops.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name must be set when serviceAccount.enabled is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{/* The namespaces to watch as a JSON list under the key `list`; empty for all of them. */}}
{{- define "sops.watched" -}}
{{- $list := .Values.watchNamespaces | default list -}}
{{- if .Values.namespaced -}}
{{- $list = append $list (include "sops.namespace" .) -}}
{{- end -}}
{{- dict "list" ($list | uniq | sortAlpha) | toJson -}}
{{- end }}

{{- define "sops.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end }}

{{- define "sops.azureSecretName" -}}
{{- coalesce .Values.azure.existingSecretName .Values.azure.existingSecret (printf "%s-azure-secret" (include "sops.name" .)) -}}
{{- end }}

{{- define "sops.gcpSecretName" -}}
{{- coalesce .Values.gcp.existingSecretName .Values.gcp.svcAccSecretCustomName (printf "%s-gcp-secret" (include "sops.name" .)) -}}
{{- end }}

{{/* What the operator may do in a namespace it watches. In shadow mode it only looks. */}}
{{- define "sops.rules" -}}
- apiGroups: [isindir.github.com]
  resources: [sopssecrets]
  verbs: [get, list, watch]
{{- if eq .Values.mode "shadow" }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
{{- else }}
- apiGroups: [isindir.github.com]
  resources: [sopssecrets/status]
  verbs: [get, patch, update]
# For `blockOwnerDeletion` in owner references, where the API server asks for it.
- apiGroups: [isindir.github.com]
  resources: [sopssecrets/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.rolloutRestarts.enabled }}
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get, list, watch, patch]
- apiGroups: [argoproj.io]
  resources: [rollouts]
  verbs: [get, list, watch, patch]
{{- end }}
{{- end }}
{{- end }}

{{/* Address ranges as peers of a NetworkPolicy. */}}
{{- define "sops.cidrs" -}}
{{- range . }}
- ipBlock:
    cidr: {{ . | quote }}
{{- end }}
{{- end }}

{{/* The container's security context, with its key; nothing when it is off. */}}
{{- define "sops.containerSecurityContext" -}}
{{- $container := .Values.securityContext.container -}}
{{- if and .Values.securityContext.enabled $container.enabled -}}
securityContext:
  {{- if $container.customContainerSecurityContext }}
  {{- toYaml $container.customContainerSecurityContext | nindent 2 }}
  {{- else }}
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop:
      {{- /* The old default was spelled `all`, which Pod Security does not take for ALL. */}}
      {{- range $container.capabilities.drop }}
      - {{ upper . }}
      {{- end }}
    {{- with $container.capabilities.add }}
    add:
      {{- range . }}
      - {{ upper . }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end -}}
{{- end }}

{{/* Name of the Service; 63 characters are the limit of a DNS label. */}}
{{- define "sops.metricsName" -}}
{{- printf "%s-metrics" (include "sops.fullname" . | trunc 55 | trimSuffix "-") -}}
{{- end }}
