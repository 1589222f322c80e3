// Compiles path patterns into a tree of segments: one walk finds a match among thousands of patterns.
import { parsePathPattern } from "./path-pattern.ts";
import { createSegmentGlobs, type SegmentGlobs } from "./segment-globs.ts";

export interface PathTrie {
  /** Adds a pattern under a name. A later pattern does not replace an earlier one. */
  add(pattern: string, name: string): void;
  /** Returns the name of a pattern that matches the path. */
  find(path: string): string | undefined;
}

interface Node {
  literals: Map<string, Node>;
  /** The node after a `*` segment. */
  any: Node | undefined;
  /** The nodes after segments with a `*` among other characters. */
  globs: SegmentGlobs<Node> | undefined;
  /** The name of a pattern that ends here. */
  exact: string | undefined;
  /** The name of a pattern that continues with `**`. */
  below: string | undefined;
}

export function createPathTrie(): PathTrie {
  const root = newNode();
  return {
    add(pattern, name) {
      const { segments, isSubtree } = parsePathPattern(pattern);
      const node = segments.reduce(follow, root);
      if (isSubtree) node.below ??= name;
      else node.exact ??= name;
    },
    find(path) {
      let active: Node[] = [root];
      for (let from = 1; from <= path.length && active.length > 0; ) {
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

function newNode(): Node {
  return {
    literals: new Map(),
    any: undefined,
    globs: undefined,
    exact: undefined,
    below: undefined,
  };
}

function follow(node: Node, segment: string): Node {
  if (segment === "*") {
    node.any ??= newNode();
    return node.any;
  }
  if (segment.includes("*")) {
    node.globs ??= createSegmentGlobs();
    return node.globs.at(segment, newNode);
  }
  const known = node.literals.get(segment);
  if (known) return known;
  const made = newNode();
  node.literals.set(segment, made);
  return made;
}

/** Each node has one parent, so no node appears twice. */
function step(active: readonly Node[], segment: string): Node[] {
  return active.flatMap((node) => {
    const literal = node.literals.get(segment);
    return [
      ...(literal ? [literal] : []),
      ...(node.any ? [node.any] : []),
      ...(node.globs ? node.globs.matching(segment) : []),
    ];
  });
}
