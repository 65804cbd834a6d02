// Talks to a running QEMU: https://www.qemu.org/docs/master/interop/qmp-spec.html
import { connect } from "node:net";
import { createInterface } from "node:readline";

type Reply = { return?: unknown; error?: { desc: string }; QMP?: unknown; event?: string };

/**
 * Gives QEMU commands, one after the other.
 *
 * @param socket path of QEMU's control socket
 * @param commands each a name and its arguments
 * @returns what QEMU answered to each
 * @throws Error in one line when QEMU refuses one
 */
export async function qmp(socket: string, ...commands: [name: string, args?: object][]): Promise<unknown[]> {
    const connection = connect(socket);
    const lines = createInterface(connection)[Symbol.asyncIterator]();
    const reply = async (): Promise<Reply> => {
        for (;;) {
            const line = await lines.next();
            if (line.done) {
                throw new Error(`QEMU closed ${socket}`);
            }
            const read = JSON.parse(line.value) as Reply;
            // Events come whenever they like.
            if (!read.event) {
                return read;
            }
        }
    };
    try {
        await reply();
        const answers: unknown[] = [];
        for (const [execute, args] of [["qmp_capabilities"] as [string, object?], ...commands]) {
            connection.write(`${JSON.stringify({ execute, arguments: args })}\n`);
            const { return: answer, error } = await reply();
            if (error) {
                throw new Error(`QEMU refuses ${execute}: ${error.desc}`);
            }
            answers.push(answer);
        }
        return answers.slice(1);
    } finally {
        connection.destroy();
    }
}
