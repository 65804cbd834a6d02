// What a command prints is for whoever reads it. Nobody has to.

/** Lets the command go on when its terminal is closed, or when a reader such as `head` has read enough. */
export function outliveReaders(): void {
    [process.stdout, process.stderr].forEach((stream) => stream.on("error", () => undefined));
}
