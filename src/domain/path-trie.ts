// Patterns of paths compiled into a tree of segments: one walk finds whether any of thousands matches.
import { parsePathPattern } from "./path-pattern.ts";
import { createSegmentGlobs, type SegmentGlobs } from "./segment-globs.ts";

export interface PathTrie {
  /** The first pattern to be added under a name keeps it. */
  add(pattern: string, name: string): void;
  /** The name of a pattern that matches the path. */
  find(path: string): string | undefined;
}

interface Node {
  literals: Map<string, Node>;
  /** After `*`. */
  any: Node | undefined;
  /** After what has a `*` among other characters. */
  globs: SegmentGlobs<Node> | undefined;
  /** After `**`: stays with every segment. */
  deep: Node | undefined;
  isDeep: boolean;
  /** Of a pattern that ends here. */
  exact: string | undefined;
  /** Of one that goes on with anything. */
  below: string | undefined;
}

export function createPathTrie(): PathTrie {
  const root = newNode(false);
  return {
    add(pattern, name) {
      const { segments, isSubtree } = parsePathPattern(pattern);
      const node = segments.reduce(follow, root);
      if (isSubtree) node.below ??= name;
      else node.exact ??= name;
    },
    find(path) {
      let active = new Set<Node>();
      enter(active, root);
      for (let from = 1; from <= path.length && active.size > 0; ) {
        for (const { below } of active) if (below !== undefined) return below;
        const slash = path.indexOf("/", from);
        const to = slash < 0 ? path.length : slash;
        active = step(active, path.slice(from, to));
        from = to + 1;
      }
      for (const { exact } of active) if (exact !== undefined) return exact;
      return undefined;
    },
  };
}

function newNode(isDeep: boolean): Node {
  return {
    literals: new Map(),
    any: undefined,
    globs: undefined,
    deep: undefined,
    isDeep,
    exact: undefined,
    below: undefined,
  };
}

function follow(node: Node, segment: string): Node {
  if (segment === "*") {
    node.any ??= newNode(false);
    return node.any;
  }
  if (segment === "**") {
    node.deep ??= newNode(true);
    return node.deep;
  }
  if (segment.includes("*")) {
    node.globs ??= createSegmentGlobs();
    return node.globs.at(segment, () => newNode(false));
  }
  const known = node.literals.get(segment);
  if (known) return known;
  const made = newNode(false);
  node.literals.set(segment, made);
  return made;
}

function step(active: ReadonlySet<Node>, segment: string): Set<Node> {
  const after = new Set<Node>();
  for (const node of active) {
    if (node.isDeep) after.add(node);
    const literal = node.literals.get(segment);
    if (literal) enter(after, literal);
    if (node.any) enter(after, node.any);
    if (node.globs) for (const next of node.globs.matching(segment)) enter(after, next);
  }
  return after;
}

/** `**` may stand for nothing. */
function enter(active: Set<Node>, node: Node): void {
  active.add(node);
  if (node.deep) active.add(node.deep);
}
