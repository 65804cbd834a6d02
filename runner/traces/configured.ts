// Whether a run is to be traced, by OpenTelemetry's own variables:
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. Pure.

/** Whether there is somewhere to send traces to, and nothing that turns them off. */
export function wantsTraces(env: NodeJS.ProcessEnv): boolean {
    const off = env.OTEL_SDK_DISABLED?.trim().toLowerCase() === "true" || env.OTEL_TRACES_EXPORTER?.trim() === "none";
    return endpoint(env) !== undefined && !off;
}

/** Why traces cannot be sent there, in one line; the SDK itself would send them elsewhere, or in vain. */
export function problemWith(env: NodeJS.ProcessEnv): string | undefined {
    const { name, value } = endpoint(env) ?? {};
    if (value === undefined || !URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
        return `${name} must be the URL of a collector, such as http://collector:4318`;
    }
    const protocol = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"].find((each) => env[each]);
    return protocol && env[protocol]?.trim() === "grpc"
        ? `${protocol} is grpc, and traces are sent over HTTP alone; name the collector's endpoint for that, port 4318 as a rule`
        : undefined;
}

function endpoint(env: NodeJS.ProcessEnv): { name: string; value: string } | undefined {
    return ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]
        .map((name) => ({ name, value: env[name]?.trim() ?? "" }))
        .find(({ value }) => value !== "");
}
