// Text as it is shown to people. Pure.
/* eslint-disable no-control-regex */

/** Shortens a text to at most `longest` characters; `ending` then shows that something is missing. */
export function truncate(text: string, longest: number, ending = "…"): string {
    return text.length > longest ? text.slice(0, Math.max(0, longest - ending.length)) + ending : text;
}

/** What a comparison of texts may skip over: it stands for nothing that is seen. Line ends, tabs and colours stay. */
const INVISIBLE = /(?![\n\r\t]|\u001b\[[\d;]*m)[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Text from elsewhere (a node, a disk, Azure), so that a CI service that reads the output finds no command in it.
 *
 * Azure Pipelines looks for `##vso[` anywhere in a line, GitHub for `##[`, and for `::` where a line begins. Both
 * compare by the rules of a language, which skip characters that nobody sees.
 * Sources: Command.cs of microsoft/azure-pipelines-agent, ActionCommand.cs of actions/runner, and
 * https://learn.microsoft.com/dotnet/core/extensions/globalization-icu
 */
export function safeToPrint(text: string): string {
    return text
        .replace(INVISIBLE, "")
        .replace(/##(?=[\w\u001b]*\[)/g, "# #")
        .replace(/^([^\S\r\n]*):(?=:)/gm, "$1: ");
}

/** The longest name of a system or a package that is shown whole. */
const LONGEST_NAME = 100;

/**
 * A name or version that whoever is root on a machine can write: of the characters that such names consist of, the
 * others as question marks.
 */
export function plainName(name: string): string {
    return truncate(name.replace(/[^\w.+~^:()/, -]/g, "?"), LONGEST_NAME);
}
