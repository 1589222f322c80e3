// Prints a file descriptor as .proto source: names, numbers and types, without comments and options.
import {
  type DescEnum,
  type DescExtension,
  type DescField,
  type DescFile,
  type DescMessage,
  ScalarType,
} from "@bufbuild/protobuf";
import { Edition, FieldDescriptorProto_Label } from "@bufbuild/protobuf/wkt";

/** The source of `file`, in proto2 or proto3 syntax. Options are left out: buf needs only the shape. */
export function printProto(file: DescFile): string {
  if (file.edition !== Edition.EDITION_PROTO2 && file.edition !== Edition.EDITION_PROTO3) {
    throw new Error(`${file.name}: only proto2 and proto3 files can be printed`);
  }
  const isProto2 = file.edition === Edition.EDITION_PROTO2;
  return [
    `syntax = "${isProto2 ? "proto2" : "proto3"}";`,
    `package ${file.proto.package};`,
    ...file.dependencies.map((dependency) => `import "${dependency.name}.proto";`),
    ...file.enums.map(printEnum),
    ...file.messages.map((message) => printMessage(message, isProto2)),
    ...file.extensions.map((extension) => printExtension(extension, isProto2)),
    "",
  ].join("\n");
}

function printEnum(desc: DescEnum): string {
  return block(
    `enum ${desc.name}`,
    desc.values.map((value) => `${value.name} = ${value.number};`),
  );
}

function printMessage(message: DescMessage, isProto2: boolean): string {
  const ranges = message.proto.extensionRange.map(
    ({ start, end }) => `extensions ${start} to ${end > 536870911 ? "max" : end - 1};`,
  );
  return block(`message ${message.name}`, [
    ...ranges,
    ...message.nestedEnums.map(printEnum),
    ...message.nestedMessages.map((nested) => printMessage(nested, isProto2)),
    ...message.members.map((member) =>
      member.kind === "oneof"
        ? block(
            `oneof ${member.name}`,
            member.fields.map((field) => printField(field, "")),
          )
        : printField(member, label(member, isProto2)),
    ),
  ]);
}

function printExtension(extension: DescExtension, isProto2: boolean): string {
  return block(`extend .${extension.extendee.typeName}`, [printField(extension, label(extension, isProto2))]);
}

function printField(field: DescField | DescExtension, prefix: string): string {
  const name = field.kind === "extension" ? field.proto.name : field.name;
  return `${prefix}${typeOf(field)} ${name} = ${field.number};`;
}

function label(field: DescField | DescExtension, isProto2: boolean): string {
  if (field.fieldKind === "map") return "";
  if (field.fieldKind === "list") return "repeated ";
  if (isProto2) return field.proto.label === FieldDescriptorProto_Label.REQUIRED ? "required " : "optional ";
  return field.proto.proto3Optional ? "optional " : "";
}

function typeOf(field: DescField | DescExtension): string {
  if (field.fieldKind === "map") {
    const value =
      field.mapKind === "scalar"
        ? scalarName(field.scalar)
        : `.${(field.mapKind === "enum" ? field.enum : field.message).typeName}`;
    return `map<${scalarName(field.mapKey)}, ${value}>`;
  }
  if (field.message) return `.${field.message.typeName}`;
  if (field.enum) return `.${field.enum.typeName}`;
  return scalarName(field.scalar as ScalarType);
}

function scalarName(type: ScalarType): string {
  return (ScalarType[type] as string).toLowerCase();
}

function block(head: string, lines: string[]): string {
  return [`${head} {`, ...lines, "}"].join("\n");
}
