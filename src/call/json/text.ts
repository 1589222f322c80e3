// Parses JSON and refuses what JSON.parse accepts: invalid UTF-8, deep nesting, huge objects and repeated keys.
import type { JsonValue } from "@bufbuild/protobuf";
import { CofferError } from "../../domain/error/errors.ts";

const depthMax = 32;
const keysPerObjectMax = 1000;
/** Many small values use far more memory than their bytes. No request needs more. */
export const valuesMax = 10_000;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Returns the JSON value in `bytes`. Throws REQUEST_MALFORMED. The error contains nothing of the text. */
export function parseJson(bytes: Uint8Array): JsonValue {
  const text = decodeUtf8(bytes);
  scanJson(text);
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw notJson();
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new CofferError("REQUEST_MALFORMED", "the body is not valid UTF-8");
  }
}

/**
 * Checks the limits in one pass, before objects are created from the text. JSON.parse finds the other errors.
 */
function scanJson(text: string): void {
  const keysAtDepth: Set<string>[] = [];
  const isObjectAtDepth: boolean[] = [];
  let depth = 0;
  let expectsKey = false;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case openBrace:
      case openBracket:
        countValue(++values);
        if (++depth > depthMax)
          throw new CofferError("REQUEST_MALFORMED", `the body nests deeper than ${depthMax} levels`);
        expectsKey = text.charCodeAt(at) === openBrace;
        isObjectAtDepth[depth] = expectsKey;
        keysAtDepth[depth]?.clear();
        break;
      case closeBrace:
      case closeBracket:
        depth = Math.max(0, depth - 1);
        expectsKey = false;
        break;
      case comma:
        countValue(++values);
        expectsKey = isObjectAtDepth[depth] === true;
        break;
      case quote: {
        const end = endOfString(text, at);
        if (expectsKey) {
          keysAtDepth[depth] ??= new Set();
          addKey(keysAtDepth[depth] as Set<string>, text.slice(at, end + 1));
        }
        expectsKey = false;
        at = end;
        break;
      }
    }
  }
}

function countValue(count: number): void {
  if (count > valuesMax) throw new CofferError("REQUEST_MALFORMED", `the body has more than ${valuesMax} values`);
}

const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

function endOfString(text: string, open: number): number {
  let end = text.indexOf('"', open + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  if (end === -1) throw notJson();
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === backslash) backslashes++;
  return backslashes % 2 === 1;
}

function addKey(keys: Set<string>, literal: string): void {
  const key = literal.includes("\\") ? unescapeKey(literal) : literal.slice(1, -1);
  if (keys.has(key)) throw new CofferError("REQUEST_MALFORMED", "the body gives a key of one object twice");
  if (keys.size === keysPerObjectMax) {
    throw new CofferError("REQUEST_MALFORMED", `the body has an object of more than ${keysPerObjectMax} keys`);
  }
  keys.add(key);
}

function unescapeKey(literal: string): string {
  try {
    return JSON.parse(literal) as string;
  } catch {
    throw notJson();
  }
}

function notJson(): CofferError {
  return new CofferError("REQUEST_MALFORMED", "the body is not valid JSON");
}
