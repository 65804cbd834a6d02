// Whether a run is to be traced, by OpenTelemetry's own variables:
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. Pure.

/** Whether there is somewhere to send traces to, and nothing that turns them off. */
export function wantsTraces(env: NodeJS.ProcessEnv): boolean {
    const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?.trim() || env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim();
    const off = env.OTEL_SDK_DISABLED?.trim().toLowerCase() === "true" || env.OTEL_TRACES_EXPORTER?.trim() === "none";
    return Boolean(endpoint) && !off;
}
