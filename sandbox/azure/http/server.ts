// The HTTPS server: every route goes through the same gate (token, api-version, subscription, body, roles, group), then
// to its handler.
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { KeyPair } from "../../authority";
import type { Cloud } from "../cloud";
import type { Evaluated } from "../policies";
import { groupId } from "../ids";
import { authorize, type LinkedAccess } from "../rbac";
import { routes as availabilitySets } from "../resources/availabilitySets";
import { routes as diskEncryptionSets } from "../resources/diskEncryptionSets";
import { routes as disks } from "../resources/disks";
import { routes as galleries } from "../resources/galleries";
import { routes as imageDefinitions } from "../resources/imageDefinitions";
import { routes as imageVersions } from "../resources/imageVersions";
import { routes as networkInterfaces } from "../resources/networkInterfaces";
import { routes as operations } from "../resources/operations";
import { routes as policyRestrictions } from "../resources/policyRestrictions";
import { routes as resourceGroups } from "../resources/resourceGroups";
import { routes as scaleSets } from "../resources/scaleSets";
import { routes as skus } from "../resources/skus";
import { routes as tags } from "../resources/tags";
import { routes as scaleSetVms } from "../resources/scaleSetVms";
import { routes as virtualMachines } from "../resources/virtualMachines";
import { routes as vmExtensions } from "../resources/vmExtensions";
import { ConnectionReset } from "../faults";
import { ArmError, groupNotFound } from "./errors";
import { commonHeaders } from "./headers";
import { API_VERSIONS, scopeOf, type Answer, type Call, type Route } from "./route";

/** The whole table. */
export const ROUTES: Route[] = [
    ...resourceGroups,
    ...operations,
    ...disks,
    ...diskEncryptionSets,
    ...galleries,
    ...imageDefinitions,
    ...imageVersions,
    ...scaleSets,
    ...scaleSetVms,
    ...virtualMachines,
    ...vmExtensions,
    ...availabilitySets,
    ...networkInterfaces,
    ...skus,
    ...tags,
    ...policyRestrictions,
];

const BODY_LIMIT = 4 * 1024 * 1024;

/** A server with ARM's table; the caller adds the sign-in routes and listens. */
export function createServer(cloud: Cloud, certificate: KeyPair): FastifyInstance {
    const app = fastify({
        https: { cert: certificate.certificate, key: certificate.key },
        exposeHeadRoutes: false,
        routerOptions: { caseSensitive: false, maxParamLength: 500 },
        bodyLimit: BODY_LIMIT,
        forceCloseConnections: true,
    });
    // Bodies are read as text: an empty one is fine, a broken one gets ARM's own words.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
    for (const route of ROUTES) {
        const handler = (request: FastifyRequest, reply: FastifyReply) => serve(cloud, route, request, reply);
        app.route({ method: route.method, url: route.path, handler });
        if (route.method === "GET") {
            app.route({ method: "HEAD", url: route.path, handler });
        }
    }
    app.setNotFoundHandler((request, reply) => serve(cloud, undefined, request, reply));
    app.setErrorHandler((error, request, reply) => {
        const status = (error as { statusCode?: number }).statusCode ?? 500;
        const failure = new ArmError(
            status,
            status === 413 ? "RequestContentTooLarge" : "InternalServerError",
            (error as Error).message,
        );
        send(cloud, undefined, request, reply, refusal(failure), failure);
    });
    return app;
}

async function serve(
    cloud: Cloud,
    route: Route | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
): Promise<FastifyReply> {
    const [path, search] = request.url.split("?", 2);
    const query: Record<string, string | undefined> = Object.fromEntries(new URLSearchParams(search));
    const log = {
        method: request.method,
        path,
        apiVersion: query["api-version"],
        at: cloud.now(),
        actions: [] as string[],
    };
    let principal: string | undefined;
    let body: unknown;
    let answer: Answer;
    let failure: ArmError | undefined;
    try {
        const caller = await cloud.tokens.authenticate(request.headers.authorization);
        principal = caller.name;
        await cloud.faults.watcher?.before({ method: request.method, path, principal });
        await cloud.faults.meet(request.method, path);
        if (!route) {
            throw unknownType(path, query["api-version"]);
        }
        const apiVersion = checkApiVersion(route, query["api-version"]);
        const params = request.params as Record<string, string>;
        const subscriptionId = checkSubscription(cloud, params.subscriptionId);
        body = readJson(request.body);
        const headers = request.headers as Record<string, string | undefined>;
        const call: Call = {
            cloud,
            method: request.method,
            path: decodeURI(path),
            subscriptionId,
            params,
            query,
            headers,
            apiVersion,
            principal: caller,
            body: {},
        };
        call.body = route.body ? route.body.parse(body ?? (request.method === "POST" ? {} : undefined)) : {};
        const linked = route.linked?.(call) ?? [];
        log.actions = checkRoles(route, call, linked);
        if (
            params.resourceGroupName &&
            route.path.includes("/providers/") &&
            !cloud.groups.get(groupId(subscriptionId, params.resourceGroupName))
        ) {
            throw groupNotFound(params.resourceGroupName);
        }
        checkPolicies(call, route);
        answer = await route.handle(call);
        // Whether something is there is all that a HEAD asks for.
        if (request.method === "HEAD") {
            answer = { status: 204 };
        }
    } catch (error) {
        if (error instanceof ConnectionReset) {
            request.raw.socket.destroy();
            return reply.hijack();
        }
        failure =
            error instanceof ArmError
                ? error
                : new ArmError(500, "InternalServerError", String((error as Error).stack));
        answer = request.method === "HEAD" ? { status: failure.status } : refusal(failure);
    }
    cloud.requests.add({ ...log, principal, body, status: answer.status });
    if (principal !== undefined) {
        await cloud.faults.watcher?.after({ method: request.method, path, principal });
    }
    return send(cloud, route, request, reply, answer, failure);
}

/** Azure Policy looks at what a resource with tags would be, whoever writes it. */
function checkPolicies({ cloud, body, path }: Call, route: Route): void {
    if (route.method !== "PUT" && route.method !== "PATCH") {
        return;
    }
    const [, below = ""] = path.split("/providers/");
    const type = below
        .split("/")
        .filter((_, index) => index === 0 || index % 2 === 1)
        .join("/");
    if (below === "" || type.endsWith("/virtualMachineScaleSets/virtualMachines")) {
        return;
    }
    // What a PATCH leaves as it is was looked at when it was written.
    const tags = body.tags ?? (route.method === "PATCH" ? undefined : {});
    cloud.policies.check({ id: path, type, tags, properties: body.properties } as Evaluated);
}

function refusal(failure: ArmError): Answer {
    const headers = { ...failure.more.headers, ...(failure.more.gateway && { "x-ms-failure-cause": "gateway" }) };
    return { status: failure.status, body: { error: failure.body() }, headers };
}

function send(
    cloud: Cloud,
    route: Route | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
    answer: Answer,
    failure: ArmError | undefined,
): FastifyReply {
    // What ARM itself answers is compact and has no counters of the compute service; that service's bodies are
    // indented, with CRLF.
    const gateway = failure?.more.gateway ?? route?.type === "resources";
    const limits = cloud.limits.headers(gateway ? undefined : route, request.method);
    reply.code(answer.status).headers({
        ...commonHeaders(cloud.now(), request.headers["x-ms-client-request-id"] as string | undefined),
        ...(failure?.status === 401 ? {} : limits),
        ...answer.headers,
    });
    if (answer.body === undefined) {
        return reply.send();
    }
    const text = gateway
        ? JSON.stringify(answer.body)
        : JSON.stringify(answer.body, undefined, 2).replaceAll("\n", "\r\n");
    return reply.type("application/json; charset=utf-8").send(text);
}

function readJson(body: unknown): unknown {
    if (typeof body !== "string" || body === "") {
        return undefined;
    }
    try {
        return JSON.parse(body);
    } catch (error) {
        throw new ArmError(
            400,
            "InvalidRequestContent",
            `The request content was invalid and could not be deserialized: '${(error as Error).message}'.`,
            { gateway: true },
        );
    }
}

function checkApiVersion(route: Route, given: string | undefined): string {
    if (!given) {
        throw new ArmError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
            { gateway: true },
        );
    }
    const supported = API_VERSIONS[route.type];
    if (!supported.includes(given)) {
        const message = `No registered resource provider found for API version '${given}'. The supported api-versions are '${supported.join(", ")}'.`;
        throw new ArmError(400, "NoRegisteredProviderFound", message, { gateway: true });
    }
    return given;
}

function checkSubscription(cloud: Cloud, id: string | undefined): string {
    const found =
        id === undefined ? cloud.subscriptionId : cloud.subscriptions.get(`/subscriptions/${id}`)?.subscriptionId;
    if (found !== undefined) {
        return found;
    }
    throw new ArmError(404, "SubscriptionNotFound", `The subscription '${id}' could not be found.`, { gateway: true });
}

function checkRoles(route: Route, call: Call, linked: LinkedAccess[]): string[] {
    if (route.action === undefined) {
        return [];
    }
    authorize(call.principal, route.action, route.scope?.(call) ?? scopeOf(route, call.path), linked);
    return [route.action, ...linked.map(({ action }) => action)];
}

function unknownType(path: string, apiVersion: string | undefined): ArmError {
    const namespace = /\/providers\/([^/]+)/i.exec(path)?.[1];
    const message = namespace
        ? `The resource type could not be found in the namespace '${namespace}' for api version '${apiVersion ?? ""}'. The supported api-versions are ''.`
        : `No HTTP resource was found that matches the request URI '${path}'.`;
    return new ArmError(404, namespace ? "InvalidResourceType" : "NotFound", message, { gateway: true });
}
