{{/* Environment as one list of {name, value}: (dict "root" $ "name" "api" "role" $role). */}}
{{- define "twinkle.env" -}}
{{- $v := .root.Values -}}
{{- $secrets := "/etc/twinkle/secrets" -}}
{{- $env := list
  (dict "name" "TWINKLE_ROLES" "value" .name)
  (dict "name" "TWINKLE_LISTEN" "value" (printf "%s:8080" $v.config.listenAddress))
  (dict "name" "TWINKLE_ADMIN_LISTEN" "value" (printf "%s:9090" $v.config.listenAddress))
  (dict "name" "TWINKLE_PUBLIC_URL" "value" $v.config.publicUrl)
  (dict "name" "TWINKLE_ORIGINS" "value" (join "," $v.config.origins))
  (dict "name" "TWINKLE_DRAIN_SECS" "value" (toString $v.config.drainSecs))
  (dict "name" "TWINKLE_LOG" "value" $v.config.log)
  (dict "name" "TWINKLE_LOG_FORMAT" "value" $v.config.logFormat)
  (dict "name" "TWINKLE_OPERATOR_TOKEN_FILE" "value" (printf "%s/keys/operator-token" $secrets))
  (dict "name" "TWINKLE_COOKIE_KEYS_FILE" "value" (printf "%s/keys/cookie-keys" $secrets))
  (dict "name" "TWINKLE_PASS_KEYS_FILE" "value" (printf "%s/keys/pass-keys" $secrets))
  (dict "name" "TWINKLE_KAFKA" "value" $v.kafka.bootstrap)
  (dict "name" "TWINKLE_KAFKA_REPLICATION" "value" (toString $v.kafka.replication))
  (dict "name" "TWINKLE_KAFKA_TLS" "value" ($v.kafka.tls.enabled | ternary "on" "off"))
  (dict "name" "TWINKLE_REDIS" "value" $v.redis.url)
-}}
{{- with $v.config.connectionsMax }}{{ $env = append $env (dict "name" "TWINKLE_CONNECTIONS_MAX" "value" (int . | toString)) }}{{ end -}}
{{- if $v.config.traces.endpoint -}}
{{- $env = append $env (dict "name" "TWINKLE_TRACES" "value" $v.config.traces.endpoint) -}}
{{- $env = append $env (dict "name" "TWINKLE_TRACES_RATIO" "value" (toString $v.config.traces.ratio)) -}}
{{- end -}}
{{- if $v.kafka.tls.caSecret.name }}{{ $env = append $env (dict "name" "TWINKLE_KAFKA_CA" "value" (printf "%s/kafka-ca/ca.crt" $secrets)) }}{{ end -}}
{{- if $v.kafka.tls.clientSecret.name -}}
{{- $env = append $env (dict "name" "TWINKLE_KAFKA_CERT" "value" (printf "%s/kafka-client/tls.crt" $secrets)) -}}
{{- $env = append $env (dict "name" "TWINKLE_KAFKA_KEY" "value" (printf "%s/kafka-client/tls.key" $secrets)) -}}
{{- end -}}
{{- with $v.kafka.sasl -}}
{{- if .mechanism -}}
{{- $env = append $env (dict "name" "TWINKLE_KAFKA_SASL" "value" .mechanism) -}}
{{- if ne .mechanism "aws-msk-iam" -}}
{{- $env = append $env (dict "name" "TWINKLE_KAFKA_USERNAME" "value" (tpl .username (dict "role" $.name "Template" $.root.Template))) -}}
{{- $env = append $env (dict "name" "TWINKLE_KAFKA_PASSWORD_FILE" "value" (printf "%s/kafka-password/password" $secrets)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $v.redis.caSecret.name }}{{ $env = append $env (dict "name" "TWINKLE_REDIS_CA" "value" (printf "%s/redis-ca/ca.crt" $secrets)) }}{{ end -}}
{{- if $v.redis.passwordSecret.name }}{{ $env = append $env (dict "name" "TWINKLE_REDIS_PASSWORD_FILE" "value" (printf "%s/redis-password/password" $secrets)) }}{{ end -}}
{{- $seen := dict -}}
{{- range concat $env $v.extraEnv .role.extraEnv -}}
{{- if hasKey $seen .name }}{{ fail (printf "the environment of %s names %s twice: drop it from extraEnv, and use the value of the chart that sets it." $.name .name) }}{{ end -}}
{{- $_ := set $seen .name true -}}
{{- end -}}
{{- concat $env $v.extraEnv .role.extraEnv | toYaml }}
{{- end }}

{{/* Secrets as files in folders of their own; whole folders, so that kubelet renews them. As [{folder, secret, items}]. */}}
{{- define "twinkle.secretFolders" -}}
{{- $v := .root.Values -}}
{{- $scope := dict "role" .name "Template" .root.Template -}}
{{- $s := $v.secrets -}}
{{- $all := list (dict "folder" "keys" "secret" $s.existingSecret "items" (dict $s.operatorTokenKey "operator-token" $s.cookieKeysKey "cookie-keys" $s.passKeysKey "pass-keys")) -}}
{{- with $v.kafka.tls.caSecret }}{{ $all = append $all (dict "folder" "kafka-ca" "secret" .name "items" (dict .key "ca.crt")) }}{{ end -}}
{{- with $v.kafka.tls.clientSecret }}{{ $all = append $all (dict "folder" "kafka-client" "secret" (tpl .name $scope) "items" (dict .certKey "tls.crt" .keyKey "tls.key")) }}{{ end -}}
{{- with $v.kafka.sasl.passwordSecret }}{{ $all = append $all (dict "folder" "kafka-password" "secret" (tpl .name $scope) "items" (dict .key "password")) }}{{ end -}}
{{- with $v.redis.caSecret }}{{ $all = append $all (dict "folder" "redis-ca" "secret" .name "items" (dict .key "ca.crt")) }}{{ end -}}
{{- with $v.redis.passwordSecret }}{{ $all = append $all (dict "folder" "redis-password" "secret" .name "items" (dict .key "password")) }}{{ end -}}
{{- $given := list -}}
{{- range $all }}{{ if .secret }}{{ $given = append $given . }}{{ end }}{{ end -}}
{{ dict "all" $given | toJson }}
{{- end }}

{{- define "twinkle.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "twinkle.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The pod of a role: (dict "root" $ "name" "api" "role" $role). */}}
{{- define "twinkle.pod" -}}
{{- $folders := (include "twinkle.secretFolders" . | fromJson).all -}}
{{- $selector := include "twinkle.selector" (dict "root" .root "role" .name) -}}
metadata:
  labels:
    {{- /* Nothing that a new chart alone changes: it would roll every pod. */}}
    {{- $selector | nindent 4 }}
    app.kubernetes.io/part-of: twinkle
    {{- with .role.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with .role.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "twinkle.fullname" .root }}-{{ .name }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ default (include "twinkle.ending" .root) .role.terminationGracePeriodSeconds | int }}
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .role.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext: {{- include "twinkle.podSecurity" . | nindent 4 }}
  containers:
    - name: twinkle
      image: {{ include "twinkle.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: [serve]
      env: {{- include "twinkle.env" . | nindent 8 }}
      ports:
        - {name: http, containerPort: 8080, protocol: TCP}
        - {name: admin, containerPort: 9090, protocol: TCP}
      # Alive means that the process answers; what it needs is a matter of readiness.
      startupProbe:
        httpGet: {path: /livez, port: admin}
        periodSeconds: 1
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /livez, port: admin}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      readinessProbe:
        httpGet: {path: /readyz, port: admin}
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      lifecycle:
        preStop:
          sleep: {seconds: {{ .root.Values.config.preStopSecs }}}
      resources: {{- toYaml .role.resources | nindent 8 }}
      securityContext: {{- include "twinkle.containerSecurity" . | nindent 8 }}
      volumeMounts:
        {{- range $folders }}
        - {name: {{ .folder }}, mountPath: /etc/twinkle/secrets/{{ .folder }}, readOnly: true}
        {{- end }}
  volumes:
    {{- range $folders }}
    - name: {{ .folder }}
      secret:
        secretName: {{ .secret }}
        defaultMode: 0440
        items:
          {{- range $key, $path := .items }}
          - {key: {{ $key }}, path: {{ $path }}}
          {{- end }}
    {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: {{ .role.zoneSpread }}
      labelSelector:
        matchLabels: {{- $selector | nindent 10 }}
      matchLabelKeys: [{{ .role.rollout | ternary "rollouts-pod-template-hash" "pod-template-hash" }}]
  affinity:
    {{- with .role.affinity }}
    {{- toYaml . | nindent 4 }}
    {{- else }}
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels: {{- $selector | nindent 16 }}
    {{- end }}
  {{- with .role.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .role.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
