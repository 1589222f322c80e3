// A map with a limit of entries: a new entry beyond the limit evicts the oldest.

export class BoundedMap<K, V> extends Map<K, V> {
  readonly #sizeMax: number;
  readonly #onEvict: (key: K, value: V) => void;

  constructor(sizeMax: number, onEvict: (key: K, value: V) => void = () => {}) {
    super();
    this.#sizeMax = sizeMax;
    this.#onEvict = onEvict;
  }

  /** Makes the entry the newest. */
  override set(key: K, value: V): this {
    const isNew = !this.delete(key);
    const [oldest] = isNew && this.size >= this.#sizeMax ? this.entries() : [];
    if (oldest) {
      this.delete(oldest[0]);
      this.#onEvict(...oldest);
    }
    return super.set(key, value);
  }
}
