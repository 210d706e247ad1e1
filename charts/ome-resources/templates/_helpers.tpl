{{/* Labels of every object. */}}
{{- define "ome.labels" -}}
app.kubernetes.io/part-of: ome
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Labels by which the manager's pods are found. */}}
{{- define "ome.manager.selector" -}}
control-plane: ome-controller-manager
controller-tools.k8s.io: "1.0"
{{- end }}

{{/* A value as text. Numbers of a values file are floats, which would read 2.0240101e+07. */}}
{{- define "ome.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* An image: a map with hub, repository, tag. A tag may be a digest (sha256:...). */}}
{{- define "ome.image" -}}
{{- $name := .repository }}
{{- $tag := include "ome.text" .tag }}
{{- if and .hub (not (contains "/" .repository)) }}{{ $name = printf "%s/%s" (trimSuffix "/" .hub) .repository }}{{ end }}
{{- $name }}{{ ternary "@" ":" (hasPrefix "sha256:" $tag) }}{{ $tag }}
{{- end }}

{{- define "ome.manager.image" -}}
{{- include "ome.image" (dict "hub" .Values.global.hub "repository" .Values.ome.controller.image "tag" .Values.ome.controller.tag) }}
{{- end }}

{{- define "ome.omeAgent.image" -}}
{{- include "ome.image" (dict "hub" .Values.global.hub "repository" .Values.ome.omeAgent.image "tag" .Values.ome.omeAgent.tag) }}
{{- end }}

{{- define "ome.modelAgent.image" -}}
{{- $image := .Values.modelAgent.image }}
{{- include "ome.image" (dict "hub" (default .Values.global.hub $image.hub) "repository" $image.repository "tag" $image.tag) }}
{{- end }}

{{/* What our containers may not do. */}}
{{- define "ome.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* A key of a ConfigMap whose value is JSON: a map with key and value. */}}
{{- define "ome.json" -}}
{{ .key }}: |
{{ toPrettyJson .value | indent 2 }}
{{- end }}

{{/* Makes the quantities of a map strings, as their readers want them; writes nothing. */}}
{{- define "ome.sizes" -}}
{{- range $key := list "cpuRequest" "cpuLimit" "memoryRequest" "memoryLimit" }}
{{- $_ := set $ $key (include "ome.text" (index $ $key)) }}
{{- end }}
{{- end }}
