{{/* Ping-pong: each version keeps its Service and its target group until its last socket has gone; a
     canary that swaps selectors would throw everybody out at once. Weights move new connections only. */}}
{{- define "twinkle.canary" -}}
{{- $full := printf "%s-%s" (include "twinkle.fullname" .root) .name -}}
canary:
  maxUnavailable: 0
  maxSurge: 25%
  abortScaleDownDelaySeconds: 600
  scaleDownDelaySeconds: 600
  pingPong:
    pingService: {{ $full }}-ping
    pongService: {{ $full }}-pong
  trafficRouting:
    {{- if .root.Values.ingress.enabled }}
    alb:
      ingress: {{ include "twinkle.fullname" .root }}
      rootService: {{ $full }}
      servicePort: 80
    {{- else }}
    plugins:
      argoproj-labs/gatewayAPI:
        namespace: {{ .root.Release.Namespace }}
        httpRoute: {{ include "twinkle.fullname" .root }}
    {{- end }}
  steps:
    {{- range .root.Values.canary.steps }}
    - setWeight: {{ .weight }}
    - pause: {duration: {{ .pause }}}
    {{- end }}
  {{- if hasKey .root.Values.canary.analysis .name }}
  analysis:
    startingStep: 1
    templates:
      - templateName: {{ $full }}
    args:
      - name: hash
        valueFrom: {podTemplateHashValue: Latest}
  {{- end }}
{{- end }}
