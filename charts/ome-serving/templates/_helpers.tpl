{{- define "ome-serving.labels" -}}
helm.sh/chart: ome-serving-{{ .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* A value as text. Numbers of a values file are floats, which would read 1.048576e+06. */}}
{{- define "ome-serving.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* The models that are enabled, by name, with what the registry knows of them; as JSON. */}}
{{- define "ome-serving.models" -}}
{{- $registry := fromJson (.Files.Get "files/registry.json") }}
{{- $found := dict }}
{{- range $name, $own := .Values.models }}
{{- if ($own).enabled }}
{{- $known := index $registry $name | default dict }}
{{- $model := deepCopy $own }}
{{- if not (or $model.hfModelId $model.oci $model.storageUri) }}
{{- with $known.hfModelId }}{{ $_ := set $model "hfModelId" . }}{{ end }}
{{- end }}
{{- range $key := list "vendor" "capabilities" }}
{{- if and (not (hasKey $model $key)) (hasKey $known $key) }}{{ $_ := set $model $key (index $known $key) }}{{ end }}
{{- end }}
{{- $_ := set $model "runtime" (merge (deepCopy ($own.runtime | default dict)) (deepCopy ($known.runtime | default dict))) }}
{{- $_ := set $model "namespace" (ternary ($own.namespace | default $name) $name ($own.namespaceScope | default false)) }}
{{- $_ := set $found $name $model }}
{{- end }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{/* Whether a switch of a model is on: a map with model, key and the default. */}}
{{- define "ome-serving.on" -}}
{{- if ternary (index .model .key) .default (hasKey .model .key) }}yes{{ end }}
{{- end }}

{{/* Where a model's files come from: a map with name and model. */}}
{{- define "ome-serving.uri" -}}
{{- $model := .model }}
{{- if $model.hfModelId }}hf://{{ $model.hfModelId }}
{{- else if $model.oci }}oci://n/{{ $model.oci.namespace }}/b/{{ $model.oci.bucket }}/o/{{ $model.oci.object }}
{{- else if $model.storageUri }}{{ $model.storageUri }}
{{- else }}{{ fail (printf "For model '%s', one of 'hfModelId', 'oci', or 'storageUri' must be provided." .name) }}
{{- end }}
{{- end }}

{{/* minReplicas and maxReplicas of a component: a map with model, component, defaults. Zero counts. */}}
{{- define "ome-serving.replicas" -}}
{{- $own := index .model .component | default dict }}
{{- range $key := list "minReplicas" "maxReplicas" }}
{{- $value := index $.defaults $key }}
{{- if and (eq $.component "engine") (hasKey $.model $key) }}{{ $value = index $.model $key }}{{ end }}
{{- if hasKey $own $key }}{{ $value = index $own $key }}{{ end }}
{{ $key }}: {{ $value }}
{{- end }}
{{- end }}

{{/* CPU and memory of an engine, as JSON: a map with name, runtime and presets. */}}
{{- define "ome-serving.size" -}}
{{- $gpus := .runtime.gpus | default 1 | int | toString }}
{{- $preset := index .presets $gpus | default dict }}
{{- $size := dict "cpu" (.runtime.cpu | default $preset.cpu) "memory" (.runtime.memory | default $preset.memory) }}
{{- if not (and $size.cpu $size.memory) }}
{{- fail (printf "Model '%s' asks for %s GPUs, which gpuPresets does not have; set models.%s.runtime.cpu and .memory" .name $gpus .name) }}
{{- end }}
{{- toJson $size }}
{{- end }}

{{/* One probe: a map with path, failures, period, timeout, delay. */}}
{{- define "ome-serving.probe" -}}
httpGet: {path: {{ .path }}, port: 8080}
failureThreshold: {{ .failures }}
successThreshold: 1
periodSeconds: {{ .period }}
timeoutSeconds: {{ .timeout }}
{{- with .delay }}
initialDelaySeconds: {{ . }}
{{- end }}
{{- end }}

{{/* An engine or decoder: a map with name, model, mode ("", prefill or decode), values. */}}
{{- define "ome-serving.engine" -}}
{{- $runtime := .model.runtime }}
{{- $defaults := .values.defaults }}
{{- $gpus := $runtime.gpus | default 1 | int }}
{{- $size := fromJson (include "ome-serving.size" (dict "name" .name "runtime" $runtime "presets" .values.gpuPresets)) }}
{{- $limits := dict "cpu" $size.cpu "memory" $size.memory "nvidia.com/gpu" $gpus }}
{{- $slow := ternary "/health" "/health_generate" (ne .mode "") }}
annotations:
  prometheus.io/scrape: "true"
  prometheus.io/port: "8080"
  prometheus.io/path: "/metrics"
  {{- if .mode }}
  rdma.ome.io/auto-inject: "true"
  rdma.ome.io/profile: {{ $runtime.rdmaProfile | default $defaults.rdmaProfile | quote }}
  rdma.ome.io/container-name: "ome-container"
  {{- end }}
labels:
  logging-forward: enabled
{{- if .mode }}
hostNetwork: true
dnsPolicy: ClusterFirstWithHostNet
{{- end }}
tolerations:
  - {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}
volumes:
  - name: dshm
    emptyDir: {medium: Memory}
runner:
  name: ome-container
  image: {{ $runtime.image | default $defaults.image | quote }}
  ports:
    - {name: http1, containerPort: 8080, protocol: TCP}
  command:
    - python3
    - -m
    - sglang.launch_server
    - --host
    - "0.0.0.0"
    - --port
    - "8080"
    - --enable-metrics
    - --model-path
    - $(MODEL_PATH)
    - --tp-size
    - {{ $gpus | quote }}
    - --mem-frac
    - {{ $runtime.memFrac | default $defaults.memFrac | quote }}
    - --served-model-name
    - {{ $runtime.servedName | default .model.hfModelId | default .name | quote }}
    {{- if .mode }}
    - --disaggregation-mode
    - {{ .mode }}
    - --disaggregation-ib-device
    - {{ $runtime.ibDevice | default $defaults.ibDevice | quote }}
    {{- end }}
    {{- range $runtime.extraArgs }}
    - {{ include "ome-serving.text" . | quote }}
    {{- end }}
  volumeMounts:
    - {name: dshm, mountPath: /dev/shm}
  resources:
    requests: {{- toYaml $limits | nindent 6 }}
    limits: {{- toYaml $limits | nindent 6 }}
  readinessProbe: {{- include "ome-serving.probe" (dict "path" $slow "failures" 3 "period" 60 "timeout" 200) | nindent 4 }}
  livenessProbe: {{- include "ome-serving.probe" (dict "path" "/health" "failures" 5 "period" 60 "timeout" 60) | nindent 4 }}
  startupProbe: {{- include "ome-serving.probe" (dict "path" $slow "failures" 150 "period" 6 "timeout" 30 "delay" 60) | nindent 4 }}
{{- end }}

{{/* A router: a map with model and values. */}}
{{- define "ome-serving.router" -}}
{{- $service := "ome.io/inferenceservice=$(INFERENCESERVICE_NAME)" }}
runner:
  name: router
  image: {{ .model.runtime.routerImage | default .values.defaults.routerImage | quote }}
  ports:
    - {name: http, containerPort: 8080, protocol: TCP}
  command:
    - python3
    - -m
    - sglang_router.launch_router
    - --host
    - "0.0.0.0"
    - --port
    - "8080"
    {{- if .model.pdMode }}
    - --pd-disaggregation
    {{- end }}
    - --service-discovery
    - --service-discovery-namespace
    - $(NAMESPACE)
    - --service-discovery-port
    - "8080"
    {{- if .model.pdMode }}
    - --prefill-selector
    - {{ printf "component=engine %s" $service | quote }}
    - --decode-selector
    - {{ printf "component=decoder %s" $service | quote }}
    {{- else }}
    - --selector
    - {{ printf "component=engine %s" $service | quote }}
    {{- end }}
  env:
    - name: NAMESPACE
      valueFrom:
        fieldRef: {fieldPath: metadata.namespace}
    - name: INFERENCESERVICE_NAME
      valueFrom:
        fieldRef: {fieldPath: "metadata.labels['ome.io/inferenceservice']"}
  resources:
    limits: {cpu: "1", memory: 2Gi}
  readinessProbe: {{- include "ome-serving.probe" (dict "path" "/readiness" "failures" 5 "period" 30 "timeout" 10) | nindent 4 }}
  livenessProbe: {{- include "ome-serving.probe" (dict "path" "/liveness" "failures" 5 "period" 30 "timeout" 10) | nindent 4 }}
  startupProbe: {{- include "ome-serving.probe" (dict "path" "/readiness" "failures" 10 "period" 20 "timeout" 10) | nindent 4 }}
{{- end }}
