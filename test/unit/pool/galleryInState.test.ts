// By which name a stack has a gallery, whichever subscription is the default one of the run that asks.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { stateOf } from "../../../components/engine/stackState";
import { galleryInState, nameInStack } from "../../../components/pool/galleryInState";
import * as providers from "../../../components/pool/providers";
import type { StackFacts } from "../../../components/pool/stackFacts";

const [MINE, OTHER] = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-00000000000A"];
const PLAIN = "team";
const LONG = `team-${OTHER.toLowerCase()}`;

// Galleries of another subscription than the default one have a provider for themselves.
beforeEach(() => {
    const provider = {} as ReturnType<typeof providers.providerFor>;
    vi.spyOn(providers, "providerFor").mockImplementation((of) => (of === MINE ? undefined : provider));
});
afterEach(() => void vi.restoreAllMocks());

const gallery = (subscriptionId: string) => ({ subscriptionId, resourceGroup: "rg", name: PLAIN });
const urnOf = (name: string) => `urn:pulumi:test::kamino::azure-native:compute:Gallery::${name}`;

/** A stack whose state has galleries of these names, with these outputs. */
function stack(galleries: Record<string, object>): StackFacts {
    const resources = Object.entries(galleries).map(([name, outputs]) => [urnOf(name), { outputs }] as const);
    const state = stateOf(Object.fromEntries(resources) as Parameters<typeof stateOf>[0]);
    return { name: "organization/kamino/test", previous: new Map(), state };
}

/** What the state has of a gallery: Azure's unique name begins with its subscription. */
const inAzure = (subscription: string) => ({ identifier: { uniqueName: `${subscription.toUpperCase()}-TEAM` } });

const foundIn = (facts: StackFacts, subscription: string) => galleryInState(facts, gallery(subscription))?.urn;

describe("a plain name in the state", () => {
    it("is the one of the subscription that Azure's unique name begins with", () => {
        const facts = stack({ [PLAIN]: inAzure(OTHER) });
        expect(foundIn(facts, OTHER)).toBe(urnOf(PLAIN));
        expect(nameInStack(facts, gallery(OTHER))).toBe(PLAIN);
    });

    it("that is another subscription's is not taken, and the second name is the one that is free", () => {
        const facts = stack({ [PLAIN]: inAzure(OTHER) });
        expect(foundIn(facts, MINE)).toBeUndefined();
        expect(nameInStack(facts, gallery(MINE))).toBe(`team-${MINE}`);
    });

    it("without an identifier is the one of the subscription that gives it", () => {
        for (const outputs of [{}, { identifier: null }, { identifier: { uniqueName: 1 } }]) {
            const facts = stack({ [PLAIN]: outputs });
            expect(foundIn(facts, MINE)).toBe(urnOf(PLAIN));
            expect(foundIn(facts, OTHER)).toBeUndefined();
            expect(nameInStack(facts, gallery(OTHER))).toBe(LONG);
        }
    });
});

it("a name with the subscription is the one of that subscription, also where that is the default one now", () => {
    const facts = stack({ [LONG]: {} });
    expect(foundIn(facts, OTHER)).toBe(urnOf(LONG));
    vi.mocked(providers.providerFor).mockReturnValue(undefined);
    expect(foundIn(facts, OTHER)).toBe(urnOf(LONG));
    expect(nameInStack(facts, gallery(OTHER))).toBe(LONG);
});

it("both of a name are told apart", () => {
    const facts = stack({ [PLAIN]: inAzure(MINE), [LONG]: inAzure(OTHER) });
    expect([foundIn(facts, MINE), foundIn(facts, OTHER)]).toEqual([urnOf(PLAIN), urnOf(LONG)]);
});

it("a state that has none, or cannot be read, has the name that a new one gets", () => {
    for (const facts of [stack({}), { ...stack({}), state: undefined }]) {
        expect(foundIn(facts, MINE)).toBeUndefined();
        expect([MINE, OTHER].map((each) => nameInStack(facts, gallery(each)))).toEqual([PLAIN, LONG]);
    }
});
