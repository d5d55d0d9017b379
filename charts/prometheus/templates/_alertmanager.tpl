{{/* Alertmanager's pod, the same in a Deployment and a StatefulSet. The context is the root. */}}

{{- define "prometheus.alertmanagerMesh" -}}
{{- $v := .Values.alertmanager -}}
{{- if or $v.service.enableMeshPeer (and $v.statefulSet.enabled $v.statefulSet.headless.enableMeshPeer) -}}
true
{{- end -}}
{{- end -}}

{{- define "prometheus.alertmanagerArgs" -}}
{{- $v := .Values.alertmanager -}}
{{- $extra := $v.extraArgs | default dict -}}
{{- $context := dict "root" $ "key" "alertmanager" -}}
- --config.file=/etc/config/{{ $v.configFileName }}
- --storage.path={{ $v.persistentVolume.mountPath }}
{{- if include "prometheus.alertmanagerMesh" . }}
{{- if not (hasKey $extra "cluster.advertise-address") }}
- --cluster.advertise-address=[$(POD_IP)]:6783
{{- end }}
{{- if not (hasKey $extra "cluster.listen-address") }}
- --cluster.listen-address=0.0.0.0:6783
{{- end }}
{{- if $v.statefulSet.enabled }}
{{- $sts := include "prometheus.statefulsetName" $context }}
{{- $headless := include "prometheus.headlessName" $context }}
{{- range $i := until (int $v.replicaCount) }}
- --cluster.peer={{ $sts }}-{{ $i }}.{{ $headless }}:6783
{{- end }}
{{- end }}
{{- else if not (hasKey $extra "cluster.listen-address") }}
- --cluster.listen-address=
{{- end }}
{{- if and .Values.configmapReload.enabled .Values.configmapReload.alertmanager.enabled (not (hasKey $extra "config.auto-reload")) }}
- --config.auto-reload
{{- end }}
{{- include "prometheus.flags" $extra }}
{{- if and $v.baseURL (ne $v.baseURL "/") (not (hasKey $extra "web.external-url")) }}
{{- if contains "://" $v.baseURL }}
- {{ printf "--web.external-url=%s" $v.baseURL | quote }}
{{- else if and (not $v.prefixURL) (not (hasKey $extra "web.route-prefix")) }}
- {{ printf "--web.route-prefix=/%s" (trimAll "/" $v.baseURL) | quote }}
{{- end }}
{{- end }}
{{- if and $v.prefixURL (not (hasKey $extra "web.route-prefix")) }}
- {{ printf "--web.route-prefix=/%s" (trimAll "/" $v.prefixURL) | quote }}
{{- end }}
{{- end -}}

{{- define "prometheus.alertmanagerPod" -}}
{{- $v := .Values.alertmanager -}}
{{- $context := dict "root" $ "key" "alertmanager" -}}
{{- $prefix := include "prometheus.routePrefix" $context -}}
{{- $extra := dict "root" $ "key" "alertmanager" "prefix" "" "configMaps" $v.extraConfigmapMounts -}}
metadata:
  {{- include "prometheus.podMetadata" $context | nindent 2 }}
spec:
  {{- include "prometheus.podSettings" $context | nindent 2 }}
  {{- with $v.extraInitContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ include "prometheus.name" . }}-{{ $v.name }}
      image: {{ include "prometheus.image" (dict "root" $ "image" $v.image) }}
      imagePullPolicy: {{ $v.image.pullPolicy | quote }}
      env:
        {{- range $name, $value := $v.extraEnv }}
        - name: {{ $name }}
          value: {{ include "prometheus.scalar" $value | quote }}
        {{- end }}
        - name: POD_IP
          valueFrom:
            fieldRef:
              apiVersion: v1
              fieldPath: status.podIP
      args:
        {{- with (include "prometheus.alertmanagerArgs" . | trim) }}{{ . | nindent 8 }}{{ end }}
      ports:
        - containerPort: 9093
      {{- with (include "prometheus.probes" (merge (dict "readyPath" (printf "%s/-/ready" $prefix) "livePath" (printf "%s/-/healthy" $prefix) "port" 9093) $context) | trim) }}{{ . | nindent 6 }}{{ end }}
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
      {{- if $v.configFromSecret }}
      secret:
        secretName: {{ $v.configFromSecret }}
      {{- else }}
      configMap:
        name: {{ include "prometheus.configMapName" $context }}
      {{- end }}
    {{- if not $v.statefulSet.enabled }}
    {{- include "prometheus.dataVolume" $context | nindent 4 }}
    {{- else if not $v.persistentVolume.enabled }}
    - name: storage-volume
      {{- include "prometheus.emptyDir" $v | nindent 6 }}
    {{- end }}
    {{- with (include "prometheus.extraVolumes" $extra | trim) }}{{ . | nindent 4 }}{{ end }}
{{- end -}}
