{{- define "dueline.tag" -}}
{{- .Values.image.tag | default .Chart.AppVersion -}}
{{- end }}

{{- /* Labels that select pods: (dict "root" $ "component" "api"). */}}
{{- define "dueline.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "dueline.labels" -}}
{{ include "dueline.selector" . }}
app.kubernetes.io/version: {{ include "dueline.tag" .root | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- /* A build's id as part of a name: lower case, no dots. */}}
{{- define "dueline.buildname" -}}
{{- . | lower | replace "." "-" | replace "_" "-" | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "dueline.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "dueline.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "dueline.env" -}}
- { name: DUELINE_SECRETS_DIR, value: /run/dueline/secrets }
- { name: TEMPORAL_ADDRESS, value: {{ .Values.temporal.address | quote }} }
- { name: DUELINE_TEMPORAL_NAMESPACE, value: {{ .Values.temporal.namespace | quote }} }
- { name: DUELINE_TASK_QUEUE, value: {{ .Values.temporal.taskQueue | quote }} }
- { name: DUELINE_LOG_FORMAT, value: json }
- { name: DUELINE_UI_URL, value: {{ .Values.temporal.uiUrl | quote }} }
{{- with .Values.temporal.tls }}
{{- if .enabled }}
- { name: DUELINE_TEMPORAL_TLS, value: "true" }
{{- if .serverName }}
- { name: DUELINE_TEMPORAL_TLS_SERVER_NAME, value: {{ .serverName | quote }} }
{{- end }}
{{- if .ca }}
- { name: DUELINE_TEMPORAL_TLS_CA, value: /run/dueline/secrets/temporal-ca.pem }
{{- end }}
{{- if .client }}
- { name: DUELINE_TEMPORAL_TLS_CERT, value: /run/dueline/secrets/temporal-cert.pem }
- { name: DUELINE_TEMPORAL_TLS_KEY, value: /run/dueline/secrets/temporal-key.pem }
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.tracing.endpoint }}
- { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }} }
{{- end }}
{{- end }}

{{- define "dueline.mounts" -}}
- { name: secrets, mountPath: /run/dueline/secrets, readOnly: true }
- { name: tmp, mountPath: /tmp }
{{- end }}

{{- define "dueline.volumes" -}}
- name: secrets
  secret: { secretName: {{ .Values.secrets.name }}, defaultMode: 0440 }
- name: tmp
  emptyDir: { medium: Memory, sizeLimit: 64Mi }
{{- end }}

{{- /* Replicas on different nodes and zones where there are any. */}}
{{- define "dueline.spread" -}}
{{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "dueline.selector" $ | nindent 6 }}
{{- end }}
{{- end }}

{{- define "dueline.pod" -}}
serviceAccountName: {{ .root.Release.Name }}-{{ .component }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext: {{- include "dueline.podSecurity" . | nindent 2 }}
topologySpreadConstraints: {{- include "dueline.spread" . | trim | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
