{{/* What can't work, with a sentence that says what to do. What one value alone shows is in values.schema.json. */}}
{{- define "twinkle.checks" -}}
{{- $v := .Values -}}
{{- if eq $v.environment "prod" }}
{{- if not $v.image.digest }}{{ fail "environment is prod, but image.digest is empty: a tag can come to mean another image. Set image.digest to the sha256 that your pipeline printed." }}{{ end }}
{{- if not (hasPrefix "https://" $v.config.publicUrl) }}{{ fail "environment is prod, but config.publicUrl is not https: cookies would travel in the clear. Give the https:// address that browsers use." }}{{ end }}
{{- end }}
{{- if not $v.config.publicUrl }}{{ fail "config.publicUrl is empty: set it to the address that browsers use, such as https://queue.example.com." }}{{ end }}
{{- if not $v.kafka.bootstrap }}{{ fail "kafka.bootstrap is empty: set it to the brokers, such as kafka-bootstrap.kafka:9092." }}{{ end }}
{{- if not $v.redis.url }}{{ fail "redis.url is empty: set it to the address of Redis, such as redis://valkey.twinkle:6379/." }}{{ end }}
{{- if not $v.secrets.existingSecret }}{{ fail "secrets.existingSecret is empty: make a Secret with operator-token, cookie-keys and pass-keys (see the chart's README) and name it here." }}{{ end }}
{{- include "twinkle.checkKafka" . }}
{{- if and $v.redis.caSecret.name (not (hasPrefix "rediss://" $v.redis.url)) }}{{ fail "redis.caSecret is given, but redis.url does not use TLS: write rediss:// or drop the secret." }}{{ end }}
{{- if and $v.canary.enabled (not $v.ingress.enabled) (not $v.gatewayApi.enabled) }}{{ fail "canary.enabled needs something that splits traffic: set ingress.enabled or gatewayApi.enabled, or switch the canary off." }}{{ end }}
{{- if and $v.gatewayApi.enabled (not $v.gatewayApi.parentRefs) }}{{ fail "gatewayApi.parentRefs is empty: name the Gateway that the route belongs to." }}{{ end }}
{{- range $name, $role := include "twinkle.roles" . | fromJson }}
{{- include "twinkle.checkRole" (dict "root" $ "name" $name "role" $role) }}
{{- end }}
{{- include "twinkle.checkNetwork" . }}
{{- end }}

{{- define "twinkle.checkKafka" -}}
{{- $k := .Values.kafka -}}
{{- $sasl := $k.sasl.mechanism -}}
{{- if and (not $k.tls.enabled) (or $k.tls.caSecret.name $k.tls.clientSecret.name) }}{{ fail "kafka.tls names secrets, but kafka.tls.enabled is false: set it to true or drop the secrets." }}{{ end }}
{{- if and $sasl (not $k.tls.enabled) }}{{ fail "kafka.sasl without kafka.tls would send passwords in the clear: set kafka.tls.enabled to true." }}{{ end }}
{{- if eq $sasl "aws-msk-iam" }}
{{- if or $k.sasl.username $k.sasl.passwordSecret.name }}{{ fail "kafka.sasl.mechanism is aws-msk-iam: the role of each service account says who we are. Drop kafka.sasl.username and kafka.sasl.passwordSecret.name." }}{{ end }}
{{- else if $sasl }}
{{- if not (and $k.sasl.username $k.sasl.passwordSecret.name) }}{{ fail (printf "kafka.sasl.mechanism is %s: give kafka.sasl.username and kafka.sasl.passwordSecret.name." $sasl) }}{{ end }}
{{- end }}
{{- end }}

{{- define "twinkle.checkRole" -}}
{{- $role := .role -}}
{{- $ending := include "twinkle.ending" .root | int -}}
{{- if and $role.scaled (ne $role.replicas nil) }}{{ fail (printf "roles.%s has replicas and autoscaling: two owners would fight. Drop roles.%s.replicas, or set autoscaling.kind to none." .name .name) }}{{ end }}
{{- if gt (int $role.autoscaling.min) (int $role.autoscaling.max) }}{{ fail (printf "roles.%s.autoscaling.min is above max: raise max." .name) }}{{ end }}
{{- if and $role.terminationGracePeriodSeconds (lt (int $role.terminationGracePeriodSeconds) $ending) }}{{ fail (printf "roles.%s.terminationGracePeriodSeconds is %d, but preStopSecs, drainSecs and 10 s of margin are %d: sockets would be cut off. Raise it, or leave it null." .name (int $role.terminationGracePeriodSeconds) $ending) }}{{ end }}
{{- if and $role.routes (not $role.http) }}{{ fail (printf "roles.%s has routes, but http is false: set it to true so that there is a Service to route to." .name) }}{{ end }}
{{- if and $role.rollout (not $role.routes) }}{{ fail (printf "roles.%s.canary is true, but it has no routes whose traffic could be split: add routes, or set canary to false." .name) }}{{ end }}
{{- if and (eq $role.autoscaling.kind "hpa") (not $role.autoscaling.cpu) (not $role.autoscaling.metrics) }}{{ fail (printf "roles.%s.autoscaling is hpa without anything to go by: set cpu or metrics." .name) }}{{ end }}
{{- with $role.autoscaling.prescale }}
{{- if .replicas }}
{{- if ne $role.autoscaling.kind "keda" }}{{ fail (printf "roles.%s.autoscaling.prescale works with keda only: set autoscaling.kind to keda, or raise min by hand before the event." $.name) }}{{ end }}
{{- if not $.root.Values.event.opensAt }}{{ fail (printf "roles.%s.autoscaling.prescale is given, but event.opensAt is empty: say when the event opens." $.name) }}{{ end }}
{{- if gt (int .replicas) (int $role.autoscaling.max) }}{{ fail (printf "roles.%s.autoscaling.prescale.replicas is above max: raise max." $.name) }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "twinkle.checkNetwork" -}}
{{- with .Values.networkPolicy }}
{{- if .enabled }}
{{- if not .kafka.to }}{{ fail "networkPolicy.kafka.to is empty: say where the brokers are ([{ipBlock: {cidr: …}}] or selectors), or set networkPolicy.enabled to false." }}{{ end }}
{{- if not .redis.to }}{{ fail "networkPolicy.redis.to is empty: say where Redis is ([{ipBlock: {cidr: …}}] or selectors), or set networkPolicy.enabled to false." }}{{ end }}
{{- if and (or $.Values.ingress.enabled $.Values.gatewayApi.enabled) (not .clients) }}{{ fail "networkPolicy.clients is empty: no browser would get in. Name the load balancer's subnets, [{ipBlock: {cidr: 10.0.0.0/20}}]." }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
