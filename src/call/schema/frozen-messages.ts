// Keeps the encoding of messages that never change: a message that is frozen, and nothing in it changes either.
import { type DescField, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Returns a function that encodes each frozen message once. Its result is kept as long as the message. */
export function keptIfFrozen<T>(encode: (message: Message) => T): (message: Message) => T {
  const kept = new WeakMap<Message, T>();
  return (message) => {
    if (!Object.isFrozen(message)) return encode(message);
    let encoded = kept.get(message);
    if (encoded === undefined) {
      encoded = encode(message);
      kept.set(message, encoded);
    }
    return encoded;
  };
}

type MessageList = DescField & { fieldKind: "list"; listKind: "message" };

interface ListWriter {
  field: MessageList;
  encode(item: Message): Uint8Array;
}

const writers = new WeakMap<DescMessage, readonly ListWriter[]>();

/** Returns what toBinary returns, but for the order of the fields. Encodes the frozen items of lists once. */
export function writeBinary(desc: DescMessage, message: Message): Uint8Array {
  const values = message as unknown as Readonly<Record<string, readonly Message[]>>;
  const lists = listWritersOf(desc).filter(({ field }) =>
    values[field.localName]?.some((item) => Object.isFrozen(item)),
  );
  if (lists.length === 0) return toBinary(desc, message);
  const others = { ...message, ...Object.fromEntries(lists.map(({ field }) => [field.localName, []])) };
  const writer = new BinaryWriter().raw(toBinary(desc, others));
  for (const { field, encode } of lists) {
    for (const item of values[field.localName] ?? []) {
      writer.tag(field.number, WireType.LengthDelimited).bytes(encode(item));
    }
  }
  return writer.finish();
}

function listWritersOf(desc: DescMessage): readonly ListWriter[] {
  let lists = writers.get(desc);
  if (!lists) {
    const isList = (field: DescField): field is MessageList =>
      field.fieldKind === "list" && field.listKind === "message" && !field.delimitedEncoding;
    lists = desc.fields
      .filter(isList)
      .map((field) => ({ field, encode: keptIfFrozen((item) => toBinary(field.message, item)) }));
    writers.set(desc, lists);
  }
  return lists;
}
