"""OpenTelemetry: traces, metrics and logs over OTLP. Everything here needs the extra `otel`."""
