{{/*
Names and labels. Templates of one component take a context: (dict "root" $ "key" "server"), `key`
being the block of values. Selectors are app, release, component and nothing else: they cannot change.
*/}}

{{- define "prometheus.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "prometheus.namespace" -}}
{{- default .Release.Namespace .Values.forceNamespace -}}
{{- end -}}

{{/* What the component ends in is kept however long the release's name is: five components of one
long release must not share a name. */}}
{{- define "prometheus.fullname" -}}
{{- $v := index .root.Values .key -}}
{{- if $v.fullnameOverride -}}
{{- $v.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "prometheus.name" .root -}}
{{- $base := ternary .root.Release.Name (printf "%s-%s" .root.Release.Name $name) (contains $name .root.Release.Name) -}}
{{- $room := int (sub 62 (len $v.name)) -}}
{{- printf "%s-%s" ($base | trunc $room | trimSuffix "-") $v.name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* StatefulSets write their name and a hash into a label: 52 characters at most. */}}
{{- define "prometheus.statefulsetName" -}}
{{- $full := include "prometheus.fullname" . -}}
{{- if le (len $full) 52 -}}
{{- $full -}}
{{- else -}}
{{- $name := (index .root.Values .key).name -}}
{{- $tail := trunc 24 $name -}}
{{- printf "%s-%s" ($full | trunc (int (sub 51 (len $tail))) | trimSuffix "-") $tail -}}
{{- end -}}
{{- end -}}

{{- define "prometheus.headlessName" -}}
{{- include "prometheus.fullname" . | trunc 54 | trimSuffix "-" -}}-headless
{{- end -}}

{{- define "prometheus.selector" -}}
app: {{ include "prometheus.name" .root }}
release: {{ .root.Release.Name }}
component: {{ (index .root.Values .key).name | quote }}
{{- end -}}

{{- define "prometheus.labels" -}}
{{ include "prometheus.selector" . }}
chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
heritage: {{ .root.Release.Service }}
{{- with .root.Values.commonMetaLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* name, namespace, labels and annotations of an object. Further keys of the context: name, labels,
annotations. */}}
{{- define "prometheus.metadata" -}}
name: {{ default (include "prometheus.fullname" .) .name }}
{{- if not .cluster }}
namespace: {{ default (include "prometheus.namespace" .root) .namespace }}
{{- end }}
labels:
  {{- include "prometheus.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "prometheus.serviceAccountName" -}}
{{- $sa := index .root.Values.serviceAccounts .key -}}
{{- if $sa.create -}}
{{- default (include "prometheus.fullname" .) $sa.name -}}
{{- else -}}
{{- default "default" $sa.name -}}
{{- end -}}
{{- end -}}

{{- define "prometheus.configMapName" -}}
{{- $v := index .root.Values .key -}}
{{- if $v.configMapOverrideName -}}
{{- printf "%s-%s" .root.Release.Name $v.configMapOverrideName -}}
{{- else -}}
{{- include "prometheus.fullname" . -}}
{{- end -}}
{{- end -}}

{{- define "prometheus.image" -}}
{{- $image := .image -}}
{{- $repository := $image.repository -}}
{{- with .root.Values.imageRegistry -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) $repository -}}
{{- end -}}
{{- $reference := printf "%s:%s" $repository (default .root.Chart.AppVersion $image.tag | toString) -}}
{{- with $image.digest -}}
{{- $reference = printf "%s@%s" $reference . -}}
{{- end -}}
{{- $reference | quote -}}
{{- end -}}

{{/* The path under which a component answers: what --web.route-prefix will be. "" or "/x/y". */}}
{{- define "prometheus.routePrefix" -}}
{{- $v := index .root.Values .key -}}
{{- $prefix := "" -}}
{{- with $v.baseURL -}}
{{- $prefix = (urlParse .).path -}}
{{- end -}}
{{- with $v.prefixURL -}}
{{- $prefix = . -}}
{{- end -}}
{{- with $v.extraArgs -}}
{{- with index . "web.external-url" -}}
{{- $prefix = (urlParse (toString .)).path -}}
{{- end -}}
{{- with index . "web.route-prefix" -}}
{{- $prefix = toString . -}}
{{- end -}}
{{- end -}}
{{- $prefix = trimAll "/" $prefix -}}
{{- if $prefix -}}/{{ $prefix }}{{- end -}}
{{- end -}}
