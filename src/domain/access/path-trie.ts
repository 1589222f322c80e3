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
  /** Of a pattern that ends here. */
  exact: string | undefined;
  /** Of one that goes on with anything. */
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

/** Each node is reached by one way, so none comes twice. */
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
