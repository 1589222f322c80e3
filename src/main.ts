#!/usr/bin/env -S node --max-semi-space-size=8 --heap-growing-percent=150 --disable-sigusr1
// The start of the process. Node caches the compiled program for the next start.
import { enableCompileCache } from "node:module";
import { join } from "node:path";

// Beside the program, and so as trustworthy; where nothing can be written there, nothing is kept. `npm start` names the same folder before
// this file is read: then Node need not load its TypeScript compiler, which takes 25 MB.
enableCompileCache(join(import.meta.dirname, "..", ".cache", "compiled"));
await import("./program.ts");
