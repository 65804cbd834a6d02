// Reads a command line. What it does not know is said in one line. Pure.
import { parseArgs, type ParseArgsConfig } from "node:util";
import { UserError } from "../components/core/errors";

/**
 * What `parseArgs` of Node gives.
 *
 * @param see what ends the line about a mistake
 * @throws UserError in one line
 */
export function readCommandLine<T extends ParseArgsConfig>(config: T, see = "see --help") {
    try {
        return parseArgs(config);
    } catch (error) {
        throw new UserError(`${(error as Error).message.split(". ")[0]}; ${see}`);
    }
}
