// Resources kept by id, without case.

/** Things with an ARM id. */
export class Collection<T extends { readonly id: string }> {
    private readonly items = new Map<string, T>();

    get(id: string): T | undefined {
        return this.items.get(id.toLowerCase());
    }

    set(item: T): T {
        this.items.set(item.id.toLowerCase(), item);
        return item;
    }

    delete(id: string): void {
        this.items.delete(id.toLowerCase());
    }

    all(): T[] {
        return [...this.items.values()];
    }

    /** What is anywhere below an id. */
    below(id: string): T[] {
        const prefix = `${id.toLowerCase()}/`;
        return this.all().filter((item) => item.id.toLowerCase().startsWith(prefix));
    }
}
