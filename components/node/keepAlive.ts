// Reuses the connections to an API server, and waits for each answer only so long. The client library opens a new
// connection for each request. Its TLS handshake takes five sixths of the client's CPU time for a small request and, to
// a cluster that is far away, two of three round trips.
import { Agent, type AgentOptions } from "node:https";
import { isDeepStrictEqual } from "node:util";
import { KubeConfig, type RequestContext } from "@kubernetes/client-node";

/**
 * Milliseconds that a connection may lie idle: longer than the pause between two looks at a pod (5 seconds), shorter
 * than what the API server (90 seconds) and load balancers allow, so that no request is sent over a connection that
 * the other side is about to close. The shortest time that kubeadm's documents have for a load balancer is 10 seconds.
 * Source: `timeout http-keep-alive` in
 * https://github.com/kubernetes/kubeadm/blob/main/docs/ha-considerations.md
 */
const IDLE_MS = 8_000;

/**
 * How long a request waits for its whole answer: reading the metadata of 5,000 nodes takes half a second. Without a
 * limit a request to an API server that vanishes after it has taken it (its VM, or the load balancer before it) waits
 * for ever, and with it whoever is to restore a node.
 */
export const ANSWER_MS = 60_000;

/**
 * A kubeconfig whose clients reuse connections, and give up requests that are not answered. Through a proxy each
 * request opens a new connection.
 */
export class KeepAliveKubeConfig extends KubeConfig {
    private kept?: { options: AgentOptions; agent: Agent };

    constructor(
        private readonly idleMs = IDLE_MS,
        private readonly answerMs = ANSWER_MS,
    ) {
        super();
    }

    /** Called by the library's clients for each request. */
    override async applySecurityAuthentication(context: RequestContext): Promise<void> {
        await super.applySecurityAuthentication(context);
        // After that one, which may have asked a program for credentials.
        context.setSignal(AbortSignal.timeout(this.answerMs));
        const agent = context.getAgent();
        // The agents for proxies are subclasses of it; the one for an unencrypted server is another class.
        if (agent?.constructor === Agent) {
            context.setAgent(this.agentFor(agent.options));
        }
    }

    /** Certificates and keys may change while this process runs; connections made with others are not used then. */
    private agentFor(options: AgentOptions): Agent {
        if (!isDeepStrictEqual(this.kept?.options, options)) {
            this.kept = { options, agent: new Agent({ ...options, keepAlive: true, timeout: this.idleMs }) };
        }
        return this.kept!.agent;
    }
}
