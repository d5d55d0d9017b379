{{/* Whole objects that several components have. The context is (dict "root" $ "key" "server"). */}}

{{- define "prometheus.serviceAccount" -}}
{{- $sa := index .root.Values.serviceAccounts .key -}}
{{- if $sa.create }}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "prometheus.metadata" (merge (dict "name" (include "prometheus.serviceAccountName" .) "annotations" $sa.annotations) .) | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "prometheus.claim" -}}
{{- $pv := (index .root.Values .key).persistentVolume -}}
{{- if and $pv.enabled (not $pv.existingClaim) }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "prometheus.metadata" (merge (dict "annotations" $pv.annotations) .) | nindent 2 }}
spec:
  {{- include "prometheus.claimSpec" $pv | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Further keys: port (number in the pod), portName, ports (further ones, a list). */}}
{{- define "prometheus.service" -}}
{{- $service := (index .root.Values .key).service -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "prometheus.metadata" (merge (dict "labels" $service.labels "annotations" $service.annotations) .) | nindent 2 }}
spec:
  {{- with $service.clusterIP }}
  clusterIP: {{ . }}
  {{- end }}
  {{- with $service.externalIPs }}
  externalIPs:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $service.loadBalancerIP }}
  loadBalancerIP: {{ . }}
  {{- end }}
  {{- with $service.loadBalancerClass }}
  loadBalancerClass: {{ . }}
  {{- end }}
  {{- with $service.loadBalancerSourceRanges }}
  loadBalancerSourceRanges:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $service.externalTrafficPolicy }}
  externalTrafficPolicy: {{ . }}
  {{- end }}
  {{- with $service.sessionAffinity }}
  sessionAffinity: {{ . }}
  {{- end }}
  ports:
    - name: {{ .portName }}
      port: {{ $service.servicePort }}
      protocol: TCP
      targetPort: {{ .port }}
      {{- with $service.nodePort }}
      nodePort: {{ . }}
      {{- end }}
    {{- with .ports }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with $service.additionalPorts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  selector:
    {{- include "prometheus.selector" . | nindent 4 }}
    {{- if and (dig "statefulsetReplica" "enabled" false $service) (index .root.Values .key).statefulSet.enabled }}
    statefulset.kubernetes.io/pod-name: {{ include "prometheus.statefulsetName" . }}-{{ $service.statefulsetReplica.replica }}
    {{- end }}
  type: {{ $service.type }}
{{- end -}}

{{- define "prometheus.headlessService" -}}
{{- $headless := (index .root.Values .key).statefulSet.headless -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "prometheus.metadata" (merge (dict "name" (include "prometheus.headlessName" .) "labels" $headless.labels "annotations" $headless.annotations) .) | nindent 2 }}
spec:
  clusterIP: None
  ports:
    - name: http
      port: {{ $headless.servicePort }}
      protocol: TCP
      targetPort: {{ .port }}
    {{- with .ports }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if .early }}
  publishNotReadyAddresses: true
  {{- end }}
  selector:
    {{- include "prometheus.selector" . | nindent 4 }}
{{- end -}}

{{/* Hosts are "host" or "host/path". Hosts that repeat share one rule. */}}
{{- define "prometheus.ingress" -}}
{{- $v := index .root.Values .key -}}
{{- $ingress := $v.ingress -}}
{{- if $ingress.enabled }}
{{- if not $ingress.hosts }}
{{- fail (printf "%s.ingress.enabled needs at least one entry in %s.ingress.hosts, such as [metrics.example.org] or [example.org/path]" .key .key) }}
{{- end }}
{{- $backend := dict "service" (dict "name" (include "prometheus.fullname" .) "port" (dict "number" (int $v.service.servicePort))) }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "prometheus.metadata" (merge (dict "labels" $ingress.extraLabels "annotations" $ingress.annotations) .) | nindent 2 }}
spec:
  {{- with $ingress.ingressClassName }}
  ingressClassName: {{ . }}
  {{- end }}
  rules:
    {{- range $ingress.hosts }}
    {{- $parts := splitList "/" (tpl . $.root) }}
    - host: {{ first $parts | quote }}
      http:
        paths:
          {{- with $ingress.extraPaths }}
          {{- toYaml . | nindent 10 }}
          {{- end }}
          - path: {{ ternary (printf "/%s" (rest $parts | join "/")) $ingress.path (gt (len $parts) 1) }}
            pathType: {{ $ingress.pathType }}
            backend:
              {{- toYaml $backend | nindent 14 }}
    {{- end }}
  {{- with $ingress.tls }}
  tls:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "prometheus.podDisruptionBudget" -}}
{{- $pdb := (index .root.Values .key).podDisruptionBudget -}}
{{- if $pdb.enabled }}
{{- $spec := omit $pdb "enabled" }}
{{- if and (hasKey $spec "minAvailable") (hasKey $spec "maxUnavailable") }}
{{- fail (printf "%s.podDisruptionBudget takes minAvailable or maxUnavailable, not both" .key) }}
{{- end }}
{{- if not (or (hasKey $spec "minAvailable") (hasKey $spec "maxUnavailable")) }}
{{- $spec = merge $spec (dict "maxUnavailable" 1) }}
{{- end }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "prometheus.metadata" . | nindent 2 }}
spec:
  {{- toYaml $spec | nindent 2 }}
  selector:
    matchLabels:
      {{- include "prometheus.selector" . | nindent 6 }}
{{- end }}
{{- end -}}

{{/* Further key: rules, the list of ingress rules. */}}
{{- define "prometheus.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "prometheus.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "prometheus.selector" . | nindent 6 }}
  policyTypes:
    - Ingress
  ingress:
    {{- toYaml .rules | nindent 4 }}
{{- end -}}
