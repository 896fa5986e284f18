{{- define "twinkle.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "twinkle.fullname" -}}
{{- $name := include "twinkle.name" . -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What selects pods: of all roles with (dict "root" $), of one with "role". Never changes. */}}
{{- define "twinkle.selector" -}}
app.kubernetes.io/name: {{ include "twinkle.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .role }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "twinkle.labels" -}}
{{ include "twinkle.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: twinkle
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Name, namespace and labels of an object: (dict "root" $ "role" "api" "suffix" "ping"). */}}
{{- define "twinkle.metadata" -}}
name: {{ list (include "twinkle.fullname" .root) .role .suffix | compact | join "-" }}
namespace: {{ .root.Release.Namespace }}
labels: {{- include "twinkle.labels" . | nindent 2 }}
{{- end }}

{{- define "twinkle.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest }}{{ $image.repository }}@{{ $image.digest }}
{{- else }}{{ $image.repository }}:{{ default .Chart.AppVersion $image.tag }}
{{- end }}
{{- end }}

{{/* The enabled roles as JSON, each with its defaults filled in. */}}
{{- define "twinkle.roles" -}}
{{- $roles := dict -}}
{{- range $name, $own := .Values.roles -}}
{{- $role := mergeOverwrite (deepCopy $.Values.roleDefaults) (deepCopy (default dict $own)) -}}
{{- $_ := set $role "rollout" (and $.Values.canary.enabled $role.canary) -}}
{{- $_ := set $role "scaled" (ne $role.autoscaling.kind "none") -}}
{{- if $role.enabled }}{{ $_ := set $roles $name $role }}{{ end -}}
{{- end -}}
{{ $roles | toJson }}
{{- end }}

{{/* Seconds that a pod needs to end: pause, drain, and time for the worker's last word. */}}
{{- define "twinkle.ending" -}}
{{ add .Values.config.preStopSecs .Values.config.drainSecs 10 }}
{{- end }}

{{- define "twinkle.host" -}}
{{ (urlParse .Values.config.publicUrl).hostname }}
{{- end }}

{{/* What an autoscaler points at: (dict "root" $ "name" "api" "role" $role). */}}
{{- define "twinkle.target" -}}
apiVersion: {{ .role.rollout | ternary "argoproj.io/v1alpha1" "apps/v1" }}
kind: {{ .role.rollout | ternary "Rollout" "Deployment" }}
name: {{ include "twinkle.fullname" .root }}-{{ .name }}
{{- end }}

{{/* The time so many minutes from `event.opensAt` in the form of a cron trigger, UTC. */}}
{{- define "twinkle.cron" -}}
{{- $opens := mustToDate "2006-01-02T15:04:05Z07:00" .root.Values.event.opensAt -}}
{{- $at := $opens | mustDateModify (printf "%dm" (int .minutes)) -}}
{{ dateInZone "4 15 2 1 *" $at "UTC" }}
{{- end }}
