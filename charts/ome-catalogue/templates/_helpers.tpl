{{/* An image from its repository and its tag or digest. */}}
{{- define "ome-catalogue.image" -}}
{{- .repository }}{{ ternary "@" ":" (hasPrefix "sha256:" .tag) }}{{ .tag }}
{{- end }}

{{/* Labels of every object. */}}
{{- define "ome-catalogue.labels" -}}
app.kubernetes.io/part-of: ome-catalogue
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Whether an object is wanted: a map with its own entry (`own`) and the general answer. */}}
{{- define "ome-catalogue.wanted" -}}
{{- if ternary .own.enabled .general (hasKey .own "enabled") }}yes{{ end }}
{{- end }}

{{/* The models to install, as a JSON list. */}}
{{- define "ome-catalogue.models" -}}
{{- $root := . }}
{{- $found := list }}
{{- range $path, $_ := .Files.Glob "files/models/*.yaml" }}
{{- $general := or (has "*" $root.Values.vendors) (has (trimSuffix ".yaml" (base $path)) $root.Values.vendors) }}
{{- range $text := splitList "\n---\n" (tpl ($root.Files.Get $path) $root) }}
{{- $model := fromYaml $text }}
{{- $own := index $root.Values.models $model.metadata.name | default dict }}
{{- if include "ome-catalogue.wanted" (dict "own" $own "general" $general) }}
{{- $storage := $model.spec.storage }}
{{- with $root.Values.modelsRoot }}
{{- $_ := set $storage "path" (printf "%s/%s" (trimSuffix "/" .) (trimPrefix "hf://" $storage.storageUri)) }}
{{- end }}
{{- with $root.Values.modelsNodeSelector }}
{{- $_ := set $storage "nodeSelector" . }}
{{- end }}
{{- $_ := set $model.metadata "labels" (fromYaml (include "ome-catalogue.labels" $root)) }}
{{- $_ := mergeOverwrite $model.spec (deepCopy ($own.spec | default dict)) }}
{{- $found = append $found $model }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{/* Whether a runtime serves an architecture of the models: a map with both. */}}
{{- define "ome-catalogue.serves" -}}
{{- range .runtime.spec.supportedModelFormats }}
{{- if has .modelArchitecture $.architectures }}yes{{ end }}
{{- end }}
{{- end }}

{{/* The runtimes to install, as a JSON list. */}}
{{- define "ome-catalogue.runtimes" -}}
{{- $root := . }}
{{- $architectures := list }}
{{- range fromJsonArray (include "ome-catalogue.models" .) }}
{{- $architectures = append $architectures .spec.modelArchitecture }}
{{- end }}
{{- $found := list }}
{{- range $path, $_ := .Files.Glob "files/runtimes/*.yaml" }}
{{- range $text := splitList "\n---\n" (tpl ($root.Files.Get $path) $root) }}
{{- $runtime := fromYaml $text }}
{{- $engine := index $runtime.metadata.labels "app.kubernetes.io/component" }}
{{- $own := index $root.Values.runtimes $runtime.metadata.name | default dict }}
{{- $general := (index $root.Values.engines $engine).enabled }}
{{- if eq $root.Values.runtimesFor "none" }}
{{- $general = false }}
{{- else if eq $root.Values.runtimesFor "models" }}
{{- $general = and $general (include "ome-catalogue.serves" (dict "runtime" $runtime "architectures" $architectures)) }}
{{- end }}
{{- if include "ome-catalogue.wanted" (dict "own" $own "general" $general) }}
{{- range $runtime.spec.supportedModelFormats }}
{{- $_ := set . "priority" (ternary 2 1 (eq $engine $root.Values.preferredEngine)) }}
{{- end }}
{{- with $root.Values.runtimesNodeSelector }}
{{- $_ := set $runtime.spec "nodeSelector" . }}
{{- end }}
{{- include "ome-catalogue.pullSecrets" (dict "spec" $runtime.spec "secrets" $root.Values.global.imagePullSecrets) }}
{{- $_ := mergeOverwrite $runtime.metadata.labels (fromYaml (include "ome-catalogue.labels" $root)) }}
{{- $_ := mergeOverwrite $runtime.spec (deepCopy ($own.spec | default dict)) }}
{{- $found = append $found $runtime }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{/* Puts the pull secrets into every pod of a runtime; writes nothing. */}}
{{- define "ome-catalogue.pullSecrets" -}}
{{- if .secrets }}
{{- range $name := list "engineConfig" "decoderConfig" "routerConfig" }}
{{- with index $.spec $name }}
{{- range $pod := list . .leader .worker }}
{{- if $pod }}{{ $_ := set $pod "imagePullSecrets" $.secrets }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
