{{/* The server's pod, the same in a Deployment and a StatefulSet. The context is the root. */}}

{{- define "prometheus.serverConfigMaps" -}}
{{- $mounts := .Values.server.extraConfigmapMounts | default list -}}
{{- $taken := list -}}
{{- range $mounts -}}
{{- $taken = append $taken .mountPath -}}
{{- end -}}
{{- range .Values.configmapReload.extraConfigmapMounts -}}
{{- if not (has .mountPath $taken) -}}
{{- $mounts = append $mounts . -}}
{{- end -}}
{{- end -}}
{{- toYaml $mounts -}}
{{- end -}}

{{- define "prometheus.serverKind" -}}
{{- if .Values.server.daemonSet.enabled -}}
DaemonSet
{{- else if .Values.server.statefulSet.enabled -}}
StatefulSet
{{- else -}}
Deployment
{{- end -}}
{{- end -}}

{{- define "prometheus.serverArgs" -}}
{{- if .Values.server.defaultFlagsOverride -}}
{{- toYaml .Values.server.defaultFlagsOverride -}}
{{- else -}}
{{- include "prometheus.serverDefaultArgs" . -}}
{{- end -}}
{{- end -}}

{{- define "prometheus.serverDefaultArgs" -}}
{{- $v := .Values.server -}}
{{- $extra := $v.extraArgs | default dict -}}
{{- /* The name of the flag until Prometheus 3. */ -}}
{{- $retention := $v.retention -}}
{{- if not (or $retention (hasKey $extra "storage.tsdb.retention.time")) -}}
{{- $retention = index $extra "storage.tsdb.retention" -}}
{{- end -}}
{{- $extra = omit $extra "storage.tsdb.retention" -}}
{{- with $retention }}
- {{ printf "--storage.tsdb.retention.time=%v" . | quote }}
{{- end }}
{{- with $v.retentionSize }}
- {{ printf "--storage.tsdb.retention.size=%v" . | quote }}
{{- end }}
- --config.file={{ $v.configPath }}
- --storage.tsdb.path={{ default $v.persistentVolume.mountPath $v.storagePath }}
- --web.console.libraries=/etc/prometheus/console_libraries
- --web.console.templates=/etc/prometheus/consoles
{{- if not (hasKey $extra "web.enable-lifecycle") }}
- --web.enable-lifecycle
{{- end }}
{{- if and .Values.configmapReload.enabled .Values.configmapReload.prometheus.enabled (not (hasKey $extra "config.auto-reload")) }}
- --config.auto-reload
{{- end }}
{{- range $v.extraFlags }}
{{- if ne . "web.enable-lifecycle" }}
- --{{ . }}
{{- end }}
{{- end }}
{{- include "prometheus.flags" $extra }}
{{- with $v.baseURL }}
- {{ printf "--web.external-url=%s" . | quote }}
{{- end }}
{{- if and $v.prefixURL (not (hasKey $extra "web.route-prefix")) }}
- {{ printf "--web.route-prefix=/%s" (trimAll "/" $v.prefixURL) | quote }}
{{- end }}
{{- if $v.enableAdminApi }}
- --web.enable-admin-api
{{- end }}
{{- if $v.skipTSDBLock }}
- --storage.tsdb.no-lockfile
{{- end }}
{{- end -}}

{{- define "prometheus.serverPod" -}}
{{- $v := .Values.server -}}
{{- $context := dict "root" $ "key" "server" -}}
{{- $prefix := include "prometheus.routePrefix" $context -}}
{{- $extra := dict "root" $ "key" "server" "prefix" "server-" "configMaps" (include "prometheus.serverConfigMaps" . | fromYamlArray) -}}
metadata:
  {{- include "prometheus.podMetadata" $context | nindent 2 }}
spec:
  {{- include "prometheus.podSettings" $context | nindent 2 }}
  {{- if or $v.extraInitContainers .Values.initChownData.enabled }}
  initContainers:
    {{- if .Values.initChownData.enabled }}
    - name: {{ .Values.initChownData.name | quote }}
      image: {{ include "prometheus.image" (dict "root" $ "image" .Values.initChownData.image) }}
      imagePullPolicy: {{ .Values.initChownData.image.pullPolicy | quote }}
      command: [chown, -R, "65534:65534", {{ $v.persistentVolume.mountPath | quote }}]
      securityContext:
        runAsUser: 0
        runAsNonRoot: false
      {{- with .Values.initChownData.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: storage-volume
          mountPath: {{ $v.persistentVolume.mountPath }}
          subPath: {{ $v.persistentVolume.subPath | quote }}
    {{- end }}
    {{- with $v.extraInitContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ include "prometheus.name" . }}-{{ $v.name }}
      image: {{ include "prometheus.image" (dict "root" $ "image" $v.image) }}
      imagePullPolicy: {{ $v.image.pullPolicy | quote }}
      {{- with $v.command }}
      command:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if or $v.env $v.replicaExternalLabel }}
      env:
        {{- if $v.replicaExternalLabel }}
        - name: POD_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        {{- end }}
        {{- with $v.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      {{- with $v.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      args:
        {{- with (include "prometheus.serverArgs" . | trim) }}{{ . | nindent 8 }}{{ end }}
      ports:
        - containerPort: 9090
      {{- with (include "prometheus.probes" (merge (dict "readyPath" (printf "%s/-/ready" $prefix) "livePath" (printf "%s/-/healthy" $prefix) "port" 9090) $context) | trim) }}{{ . | nindent 6 }}{{ end }}
      {{- with $v.containerSecurityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $v.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: config-volume
          mountPath: /etc/config
        - name: storage-volume
          mountPath: {{ $v.persistentVolume.mountPath }}
          subPath: {{ $v.persistentVolume.subPath | quote }}
        {{- with (include "prometheus.extraMounts" $extra | trim) }}{{ . | nindent 8 }}{{ end }}
    {{- with (include "prometheus.sidecars" $context | trim) }}{{ . | nindent 4 }}{{ end }}
  volumes:
    - name: config-volume
      configMap:
        name: {{ include "prometheus.configMapName" $context }}
    {{- $kind := include "prometheus.serverKind" . }}
    {{- $ownClaim := and $v.persistentVolume.enabled (not $v.persistentVolume.existingClaim) }}
    {{- if or (eq $kind "Deployment") (and (eq $kind "DaemonSet") (not $ownClaim)) }}
    {{- include "prometheus.dataVolume" $context | nindent 4 }}
    {{- else if or (eq $kind "DaemonSet") (not $v.persistentVolume.enabled) }}
    - name: storage-volume
      {{- include "prometheus.emptyDir" $v | nindent 6 }}
    {{- end }}
    {{- with (include "prometheus.extraVolumes" $extra | trim) }}{{ . | nindent 4 }}{{ end }}
{{- end -}}
