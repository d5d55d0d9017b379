{{/*
prometheus.yml is put together as data, not as text: what the user's file has stays, and global,
remote storage, further scrape jobs and the alerting block are added where they belong.
*/}}

{{- define "prometheus.yamlList" -}}
{{- $list := fromYamlArray .text -}}
{{- range $list -}}
{{- if not (kindIs "map" .) -}}
{{- fail (printf "%s must be a YAML list of maps, and it is not: %v" $.what .) -}}
{{- end -}}
{{- end -}}
{{- toYaml $list -}}
{{- end -}}

{{/* Jobs of prometheus.yml, of the map scrapeConfigs (by job name) and of extraScrapeConfigs. */}}
{{- define "prometheus.scrapeConfigs" -}}
{{- $named := .root.Values.scrapeConfigs -}}
{{- $jobs := list -}}
{{- range .configs -}}
{{- if not (hasKey $named (toString .job_name)) -}}
{{- $job := . -}}
{{- $selfAddress := and (eq (toString .job_name) "prometheus") $.prefix (not (hasKey . "metrics_path")) -}}
{{- if $selfAddress -}}
{{- $job = merge (dict "metrics_path" (printf "%s/metrics" $.prefix)) . -}}
{{- end -}}
{{- $jobs = append $jobs $job -}}
{{- $slow := printf "%s-slow" .job_name -}}
{{- if and $.root.Values.slowScrapeJobs (has .job_name (list "kubernetes-service-endpoints" "kubernetes-pods")) (not (hasKey $named $slow)) -}}
{{- $job = toYaml . | replace "_prometheus_io_scrape" "_prometheus_io_scrape_slow" | fromYaml -}}
{{- $jobs = append $jobs (merge (dict "job_name" $slow "scrape_interval" "5m" "scrape_timeout" "30s") $job) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name, $job := $named -}}
{{- if (hasKey $job "enabled" | ternary $job.enabled true) -}}
{{- $jobs = append $jobs (merge (dict "job_name" $name) (omit $job "enabled")) -}}
{{- end -}}
{{- end -}}
{{- with .root.Values.extraScrapeConfigs -}}
{{- $text := include "prometheus.yamlList" (dict "what" "extraScrapeConfigs" "text" (tpl . $.root)) -}}
{{- $jobs = concat $jobs (fromYamlArray $text) -}}
{{- end -}}
{{- $text := printf "%s\n" (toYaml $jobs) -}}
{{- if .root.Values.server.endpointSlices -}}
{{- $text = $text | replace "role: endpoints\n" "role: endpointslice\n" | replace "__meta_kubernetes_endpoint_port_name" "__meta_kubernetes_endpointslice_port_name" -}}
{{- end -}}
{{- $text -}}
{{- end -}}

{{/* Our alertmanagers: the pods of the release's namespace with the chart's labels, at port 9093 only
(a mesh port or a side container is none). */}}
{{- define "prometheus.ownAlertmanagers" -}}
{{- $am := dict "root" .root "key" "alertmanager" -}}
kubernetes_sd_configs:
  - role: pod
    namespaces:
      names:
        - {{ include "prometheus.namespace" .root }}
tls_config:
  ca_file: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
bearer_token_file: /var/run/secrets/kubernetes.io/serviceaccount/token
{{- with include "prometheus.routePrefix" $am }}
path_prefix: {{ . }}
{{- end }}
relabel_configs:
  - source_labels: [__meta_kubernetes_namespace]
    regex: {{ include "prometheus.namespace" .root }}
    action: keep
  - source_labels: [__meta_kubernetes_pod_label_app]
    regex: {{ include "prometheus.name" .root }}
    action: keep
  - source_labels: [__meta_kubernetes_pod_label_component]
    regex: {{ .root.Values.alertmanager.name | quote }}
    action: keep
  - source_labels: [__meta_kubernetes_pod_container_port_number]
    regex: "9093"
    action: keep
{{- end -}}

{{- define "prometheus.alerting" -}}
{{- $alerting := deepCopy (.own | default dict) -}}
{{- $managers := concat ($alerting.alertmanagers | default list) (.root.Values.server.alertmanagers | default list) -}}
{{- if .root.Values.alertmanager.enabled -}}
{{- $managers = append $managers (include "prometheus.ownAlertmanagers" . | fromYaml) -}}
{{- end -}}
{{- $own := .root.Values.alertRelabelConfigs | default list -}}
{{- if kindIs "map" $own -}}
{{- $own = $own.alert_relabel_configs | default list -}}
{{- end -}}
{{- $relabel := concat ($alerting.alert_relabel_configs | default list) $own -}}
{{- if $managers -}}
{{- $_ := set $alerting "alertmanagers" $managers -}}
{{- end -}}
{{- if $relabel -}}
{{- $_ := set $alerting "alert_relabel_configs" $relabel -}}
{{- end -}}
{{- toYaml $alerting -}}
{{- end -}}

{{/* remote_write and remote_read: their URLs are templates. Context: root, own, entries. */}}
{{- define "prometheus.remotes" -}}
{{- $all := .own | default list -}}
{{- range .entries -}}
{{- $entry := deepCopy . -}}
{{- if not $entry.url -}}
{{- fail (printf "every entry of server.%s needs a url" $.what) -}}
{{- end -}}
{{- $_ := set $entry "url" (tpl $entry.url $.root) -}}
{{- $all = append $all $entry -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{- define "prometheus.serverConfig" -}}
{{- $values := .Values.server -}}
{{- $server := dict "root" $ "key" "server" -}}
{{- $config := deepCopy (index .Values.serverFiles "prometheus.yml" | default dict) -}}
{{- $global := merge (deepCopy ($config.global | default dict)) ($values.global | default dict) -}}
{{- with $values.replicaExternalLabel -}}
{{- $_ := set $global "external_labels" (merge (deepCopy ($global.external_labels | default dict)) (dict . "${POD_NAME}")) -}}
{{- end -}}
{{- $_ := set $config "global" $global -}}
{{- $jobs := include "prometheus.scrapeConfigs" (dict "root" $ "configs" ($config.scrape_configs | default list) "prefix" (include "prometheus.routePrefix" $server)) | fromYamlArray -}}
{{- $_ := set $config "scrape_configs" $jobs -}}
{{- $ruleFiles := $config.rule_files | default list -}}
{{- range (list "recording_rules.yml" "alerting_rules.yml") -}}
{{- $path := printf "/etc/config/%s" . -}}
{{- if and (hasKey $.Values.serverFiles .) (not (has $path $ruleFiles)) -}}
{{- $ruleFiles = append $ruleFiles $path -}}
{{- end -}}
{{- end -}}
{{- range $name, $_ := .Values.ruleFiles -}}
{{- $ruleFiles = append $ruleFiles (printf "/etc/config/%s" $name) -}}
{{- end -}}
{{- with $ruleFiles -}}
{{- $_ := set $config "rule_files" (uniq .) -}}
{{- end -}}
{{- with .Values.scrapeConfigFiles -}}
{{- $_ := set $config "scrape_config_files" (concat ($config.scrape_config_files | default list) .) -}}
{{- end -}}
{{- $alerting := include "prometheus.alerting" (dict "root" $ "own" $config.alerting) | fromYaml -}}
{{- with $alerting -}}
{{- $_ := set $config "alerting" . -}}
{{- end -}}
{{- range $what, $key := dict "remoteWrite" "remote_write" "remoteRead" "remote_read" -}}
{{- $remotes := include "prometheus.remotes" (dict "root" $ "what" $what "own" (index $config $key) "entries" (index $values $what)) | fromYamlArray -}}
{{- with $remotes -}}
{{- $_ := set $config $key . -}}
{{- end -}}
{{- end -}}
{{- $storage := $config.storage | default dict -}}
{{- with $values.tsdb -}}
{{- $_ := set $storage "tsdb" (merge (deepCopy .) ($storage.tsdb | default dict)) -}}
{{- end -}}
{{- with $values.exemplars -}}
{{- $_ := set $storage "exemplars" (merge (deepCopy .) ($storage.exemplars | default dict)) -}}
{{- end -}}
{{- with $storage -}}
{{- $_ := set $config "storage" . -}}
{{- end -}}
{{- with $values.otlp -}}
{{- $_ := set $config "otlp" (merge (deepCopy .) ($config.otlp | default dict)) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* A file of serverFiles or alertmanagerFiles: a string as it is, anything else as YAML. `alerts`
and `rules` may be a list of groups or a map of group name to its rules. */}}
{{- define "prometheus.file" -}}
{{- if kindIs "string" .value -}}
{{- .value -}}
{{- else if and .rules (kindIs "slice" .value) -}}
{{- toYaml (dict "groups" .value) -}}
{{- else if and .rules .value (not (hasKey .value "groups")) -}}
{{- $groups := list -}}
{{- range $name, $rules := .value -}}
{{- $groups = append $groups (dict "name" $name "rules" $rules) -}}
{{- end -}}
{{- toYaml (dict "groups" $groups) -}}
{{- else -}}
{{- toYaml (.value | default dict) -}}
{{- end -}}
{{- end -}}
