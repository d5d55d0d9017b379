{{/* Parts of pods that all components share. The context is (dict "root" $ "key" "server"). */}}

{{/* A number as it was written: printf would make 1e+07 of ten million. */}}
{{- define "prometheus.scalar" -}}
{{- ternary (toJson .) (toString .) (kindIs "float64" .) -}}
{{- end -}}

{{/* One flag for each entry: true or "" gives the bare flag, false --no-flag, a list repeats it. The one
flag whose empty value means something is written with it. */}}
{{- define "prometheus.flags" -}}
{{- range $flag, $value := . }}
{{- if kindIs "slice" $value }}
{{- range $value }}
- {{ printf "--%s=%s" $flag (include "prometheus.scalar" .) | quote }}
{{- end }}
{{- else if kindIs "bool" $value }}
- {{ printf "--%s%s" (ternary "" "no-" $value) $flag | quote }}
{{- else if eq (toString $value) "" }}
- {{ printf "--%s%s" $flag (ternary "=" "" (eq $flag "cluster.listen-address")) | quote }}
{{- else }}
- {{ printf "--%s=%s" $flag (include "prometheus.scalar" $value) | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "prometheus.podLabels" -}}
{{ include "prometheus.labels" . }}
{{- $v := index .root.Values .key }}
{{- with $v.podLabels }}
{{ toYaml . }}
{{- end }}
{{- with ($v.pod).labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "prometheus.podMetadata" -}}
labels:
  {{- include "prometheus.podLabels" . | nindent 2 }}
{{- with (index .root.Values .key).podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* affinity, with podAntiAffinity among the replicas merged in */}}
{{- define "prometheus.affinity" -}}
{{- $v := index .root.Values .key -}}
{{- $affinity := deepCopy ($v.affinity | default dict) -}}
{{- if $v.podAntiAffinity -}}
{{- $term := dict "topologyKey" $v.podAntiAffinityTopologyKey "labelSelector" (dict "matchLabels" (include "prometheus.selector" . | fromYaml)) -}}
{{- $own := dict -}}
{{- if eq $v.podAntiAffinity "hard" -}}
{{- $own = dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term) -}}
{{- else -}}
{{- $own = dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term)) -}}
{{- end -}}
{{- $affinity = merge $affinity (dict "podAntiAffinity" $own) -}}
{{- end -}}
{{- if $affinity -}}
{{- toYaml $affinity -}}
{{- end -}}
{{- end -}}

{{/* Everything of a pod's spec besides containers and volumes. */}}
{{- define "prometheus.podSettings" -}}
{{- $v := index .root.Values .key -}}
serviceAccountName: {{ include "prometheus.serviceAccountName" . }}
{{- $token := (index .root.Values.serviceAccounts .key).automountServiceAccountToken }}
{{- if not (kindIs "invalid" $token) }}
automountServiceAccountToken: {{ $token }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $v.schedulerName }}
schedulerName: {{ . | quote }}
{{- end }}
{{- with $v.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
{{- if not (kindIs "invalid" $v.enableServiceLinks) }}
enableServiceLinks: {{ $v.enableServiceLinks }}
{{- end }}
{{- if $v.hostNetwork }}
hostNetwork: true
{{- end }}
{{- if $v.hostPID }}
hostPID: true
{{- end }}
{{- with $v.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with $v.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with (default $v.podSecurityContext $v.securityContext) }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with (include "prometheus.affinity" .) }}
affinity:
  {{- . | nindent 2 }}
{{- end }}
{{- with $v.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{ toYaml (merge (deepCopy .) (dict "labelSelector" (dict "matchLabels" (include "prometheus.selector" $ | fromYaml)))) | nindent 4 | trim }}
  {{- end }}
{{- end }}
{{- if not (kindIs "invalid" $v.terminationGracePeriodSeconds) }}
terminationGracePeriodSeconds: {{ $v.terminationGracePeriodSeconds }}
{{- end }}
{{- end -}}

{{/* A probe: (dict "name" "readinessProbe" "values" {...} "path" … "port" … "root" "key"). The values
may carry their own handler. Later charts have them one by one beside it, in keys such as
readinessProbeInitialDelay. */}}
{{- define "prometheus.probe" -}}
{{- $v := index .root.Values .key -}}
{{- $values := deepCopy (index $v .name | default dict) -}}
{{- $later := dict "InitialDelay" "initialDelaySeconds" "PeriodSeconds" "periodSeconds" "Timeout" "timeoutSeconds" "FailureThreshold" "failureThreshold" "SuccessThreshold" "successThreshold" -}}
{{- range $end, $field := $later -}}
{{- $value := index $v (printf "%s%s" $.name $end) -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $_ := set $values $field (int64 $value) -}}
{{- end -}}
{{- end -}}
{{- $wanted := true -}}
{{- if hasKey $values "enabled" -}}
{{- $wanted = $values.enabled -}}
{{- $values = omit $values "enabled" -}}
{{- else if not $values -}}
{{- $wanted = false -}}
{{- end -}}
{{- if $wanted -}}
{{- if eq .name "startupProbe" -}}
{{- $values = merge $values (dict "periodSeconds" 5 "failureThreshold" 30) -}}
{{- end -}}
{{- $handled := or (hasKey $values "httpGet") (hasKey $values "tcpSocket") (hasKey $values "exec") (hasKey $values "grpc") -}}
{{- if and (not $handled) $v.tcpSocketProbeEnabled -}}
{{- $_ := set $values "tcpSocket" (dict "port" .port) -}}
{{- else if not $handled -}}
{{- $get := dict "path" .path "port" .port -}}
{{- if and $v.probeScheme (ne $v.probeScheme "HTTP") -}}
{{- $_ := set $get "scheme" $v.probeScheme -}}
{{- end -}}
{{- with $v.probeHeaders -}}
{{- $_ := set $get "httpHeaders" . -}}
{{- end -}}
{{- $_ := set $values "httpGet" $get -}}
{{- end -}}
{{ .name }}:
  {{- toYaml $values | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "prometheus.probes" -}}
{{- $context := . -}}
{{- $ready := include "prometheus.probe" (merge (dict "name" "readinessProbe" "path" .readyPath "port" (default .port .readyPort)) $context) -}}
{{- $live := include "prometheus.probe" (merge (dict "name" "livenessProbe" "path" .livePath) $context) -}}
{{- $start := include "prometheus.probe" (merge (dict "name" "startupProbe" "path" .livePath) $context) -}}
{{- range (list $ready $live $start) }}
{{- with . }}
{{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Mounts and volumes of the extra* lists. ConfigMap volumes are named KEY-NAME in the server, where
8.9.2 did so too. */}}
{{- define "prometheus.extraMounts" -}}
{{- $v := index .root.Values .key -}}
{{- range $v.extraHostPathMounts }}
- name: {{ .name }}
  mountPath: {{ .mountPath }}
  {{- with .subPath }}
  subPath: {{ . }}
  {{- end }}
  {{- if hasKey . "readOnly" }}
  readOnly: {{ .readOnly }}
  {{- end }}
  {{- with .mountPropagation }}
  mountPropagation: {{ . }}
  {{- end }}
{{- end }}
{{- range .configMaps }}
- name: {{ $.prefix }}{{ .name }}
  mountPath: {{ .mountPath }}
  {{- with .subPath }}
  subPath: {{ . }}
  {{- end }}
  {{- if hasKey . "readOnly" }}
  readOnly: {{ .readOnly }}
  {{- end }}
{{- end }}
{{- range $v.extraSecretMounts }}
- name: {{ .name }}
  mountPath: {{ .mountPath }}
  {{- with .subPath }}
  subPath: {{ . }}
  {{- end }}
  {{- if hasKey . "readOnly" }}
  readOnly: {{ .readOnly }}
  {{- end }}
{{- end }}
{{- with $v.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "prometheus.extraVolumes" -}}
{{- $v := index .root.Values .key -}}
{{- range $v.extraHostPathMounts }}
- name: {{ .name }}
  hostPath:
    path: {{ .hostPath }}
{{- end }}
{{- range .configMaps }}
- name: {{ $.prefix }}{{ .name }}
  configMap:
    name: {{ .configMap }}
{{- end }}
{{- range $v.extraSecretMounts }}
- name: {{ .name }}
  secret:
    secretName: {{ .secretName }}
{{- end }}
{{- with $v.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "prometheus.sidecars" -}}
{{- with (index .root.Values .key).sidecarContainers }}
{{- if kindIs "map" . }}
{{- range $name, $container := . }}
- name: {{ $name }}
  {{- toYaml $container | nindent 2 }}
{{- end }}
{{- else }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The volume of a Deployment that keeps data: its claim, or an emptyDir. */}}
{{- define "prometheus.dataVolume" -}}
{{- $v := index .root.Values .key -}}
- name: storage-volume
{{- if ($v.persistentVolume).enabled }}
  persistentVolumeClaim:
    claimName: {{ default (include "prometheus.fullname" .) $v.persistentVolume.existingClaim }}
{{- else }}
  {{- include "prometheus.emptyDir" $v | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "prometheus.emptyDir" -}}
{{- if (.emptyDir).sizeLimit -}}
emptyDir:
  sizeLimit: {{ .emptyDir.sizeLimit }}
{{- else -}}
emptyDir: {}
{{- end -}}
{{- end -}}

{{- define "prometheus.claimSpec" -}}
accessModes:
  {{- toYaml .accessModes | nindent 2 }}
{{- with .storageClass }}
storageClassName: {{ ternary "" . (eq "-" .) | quote }}
{{- end }}
resources:
  requests:
    storage: {{ .size | quote }}
{{- end -}}

{{/* A ReadWriteOnce volume and a rolling update can wait for each other for ever: Recreate. */}}
{{- define "prometheus.strategy" -}}
{{- $v := index .root.Values .key -}}
{{- if $v.strategy }}
strategy:
  {{- toYaml $v.strategy | nindent 2 }}
  {{- if and (eq (default "" $v.strategy.type) "Recreate") (not (hasKey $v.strategy "rollingUpdate")) }}
  rollingUpdate: null
  {{- end }}
{{- else if ($v.persistentVolume).enabled }}
strategy:
  type: Recreate
  rollingUpdate: null
{{- end }}
{{- end -}}
