// The types of node-version.mjs.
export declare const setupNode: string;
export declare const runNode: string;
export declare function nodeProblem(version: string, needed: string, what: string): string | undefined;
