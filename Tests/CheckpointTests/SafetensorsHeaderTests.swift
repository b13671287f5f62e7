import Base
import Checkpoints
import Testing

@Suite struct SafetensorsHeaderTests {
  private func parse(_ bytes: [UInt8]) throws -> SafetensorsHeader {
    try bytes.withUnsafeBytes { try SafetensorsHeader.parse($0, path: "m") }
  }

  @Test func whatIsBuiltIsParsed() throws {
    let header = try SafetensorsHeader(
      tensors: [
        ("b", .f32, [2, 3]), ("a \"quoted\"\n", .i64, []), ("none", .bf16, [0, 7]), ("ü", .u8, [5]),
        ("last", .bool, [0]),
      ], metadata: ["format": "pt", "by": "swiftdp"])
    let bytes = header.encoded()
    #expect(bytes.count % 64 == 0 && bytes.count == header.dataStart)
    #expect(header.dataCount == 24 + 8 + 0 + 5 + 0)
    #expect(try parse(bytes + [UInt8](repeating: 0, count: header.dataCount)) == header)
    #expect(throws: UserError.self) {
      try SafetensorsHeader(tensors: [("a", .f32, [1]), ("a", .f32, [1])], metadata: [:])
    }
    #expect(throws: UserError.self) {
      try SafetensorsHeader(tensors: [("a", .f32, [1 << 40, 1 << 40])], metadata: [:])
    }
  }

  @Test func orderIsThatOfTheOffsets() throws {
    let text = """
      {"z": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]},
       "y": {"dtype": "U8", "shape": [0], "data_offsets": [1, 1]},
       "x": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}}
      """
    let header = try parse(safetensors(text, data: [1, 2]))
    #expect(header.entries.map(\.name) == ["x", "y", "z"])
  }

  @Test func anEmptyFileOfTensorsIsOne() throws {
    #expect(try parse(safetensors("{}")).entries.isEmpty)
  }

  private static func one(_ entry: String) -> [UInt8] {
    safetensors("{\"w\": \(entry)}", data: [0, 0, 0, 0])
  }

  private static let good = #""dtype": "F32", "shape": [1], "data_offsets": [0, 4]"#
  private static let hostile: [(bytes: [UInt8], message: String)] = [
    ([], "m: is cut short: a safetensors file begins with 8 bytes of length, this has 0"),
    ([1, 2, 3], "m: is cut short: a safetensors file begins with 8 bytes of length, this has 3"),
    (
      Array("version https://git-lfs.github.com/spec/v1\n".utf8),
      "m: is a Git LFS pointer, not the model itself (git lfs pull fetches it)"
    ),
    (
      safetensors("{}", length: .max),
      "m: is not a safetensors file: a header of 18446744073709551615 bytes is more than the format allows"
    ),
    (
      safetensors("{}", length: 3),
      "m: is cut short: the header alone ends at byte 11, the file has 10 (copy or download it again)"
    ),
    (safetensors(""), "m: is not a safetensors file: its header does not begin with a brace"),
    (safetensors(" {}"), "m: is not a safetensors file: its header does not begin with a brace"),
    (safetensors("[]"), "m: is not a safetensors file: its header does not begin with a brace"),
    (safetensors("{\"a\": "), "m: the header is not JSON: the text ends too early at byte 14"),
    (
      safetensors("{\"w\":{\(good)},\"w\":{\(good)}}"),
      "m: the header is not JSON: the key \"w\" stands twice at byte 68"
    ),
    (
      safetensors("{\"\\u001b[31m\":1,\"\\u001b[31m\":1}"),
      "m: the header is not JSON: the key \"\\u001b[31m\" stands twice at byte 24"
    ),
    (
      safetensors("{\"a\": " + String(repeating: "[", count: 5000)),
      "m: the header is not JSON: nested more than 200 levels deep at byte 214"
    ),
    (one("3"), "m: the tensor \"w\" is a whole number, not an object"),
    (safetensors(#"{"__metadata__": []}"#), "m: __metadata__ is a list, not an object"),
    (safetensors(#"{"__metadata__": {"a": 1}}"#), "m: \"a\" of __metadata__ is a whole number, not a string"),
    (one(#"{"shape": [1], "data_offsets": [0, 4]}"#), "m: the tensor \"w\" has no dtype"),
    (
      one(#"{"dtype": "F33", "shape": [1], "data_offsets": [0, 4]}"#),
      "m: the tensor \"w\" has the dtype \"F33\", which safetensors does not define"
    ),
    (
      one(#"{"dtype": "F32", "data_offsets": [0, 4]}"#),
      "m: the shape of the tensor \"w\" is not a list of whole numbers from 0"
    ),
    (
      one(#"{"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}"#),
      "m: the shape of the tensor \"w\" is not a list of whole numbers from 0"
    ),
    (
      one(#"{"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}"#),
      "m: the shape of the tensor \"w\" is not a list of whole numbers from 0"
    ),
    (
      one(#"{"dtype": "F32", "shape": [1], "data_offsets": [0]}"#),
      "m: the data_offsets of the tensor \"w\" are not two whole numbers from 0"
    ),
    (
      one(#"{"dtype": "F32", "shape": [1], "data_offsets": [0, 99999999999999999999]}"#),
      "m: the data_offsets of the tensor \"w\" are not two whole numbers from 0"
    ),
    (
      one(#"{"dtype": "F32", "shape": [4294967296, 4294967296, 0], "data_offsets": [0, 0]}"#),
      "m: the tensor \"w\" of dtype F32 has an impossible shape, [4294967296, 4294967296, 0]"
    ),
    (
      one(#"{"dtype": "F32", "shape": [4611686018427387904], "data_offsets": [0, 4]}"#),
      "m: the tensor \"w\" of dtype F32 has an impossible shape, [4611686018427387904]"
    ),
    (
      one(#"{"dtype": "F4", "shape": [3], "data_offsets": [0, 4]}"#),
      "m: the tensor \"w\" of dtype F4 has an impossible shape, [3]"
    ),
    (
      one(#"{"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}"#),
      "m: the tensor \"w\" ends at byte 0, before it begins at 4"
    ),
    (
      one(#"{"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}"#),
      "m: the tensor \"w\" of dtype F32 and shape [2] takes 8 bytes, but its offsets span 4"
    ),
    (
      one(#"{"dtype": "F32", "shape": [1], "data_offsets": [1, 5]}"#),
      "m: the tensor \"w\" at data byte 1 leaves a hole after the one before it, which ends at 0"
    ),
    (
      safetensors("{\"a\": {\(good)}, \"b\": {\(good)}}", data: [0, 0, 0, 0]),
      "m: the tensor \"b\" at data byte 0 overlaps the one before it, which ends at 4"
    ),
    (
      safetensors("{\"w\": {\(good)}}", data: [0, 0, 0]),
      "m: is cut short: the header promises 73 bytes, the file has 72 (copy or download it again)"
    ),
    (
      safetensors("{\"w\": {\(good)}}", data: [0, 0, 0, 0, 0]),
      "m: is too long: the header promises 73 bytes, the file has 74"
    ),
    (
      one(#"{"dtype": "U8", "shape": [9223372036854775807], "data_offsets": [0, 9223372036854775807]}"#),
      "m: the tensor \"w\" of dtype U8 has an impossible shape, [9223372036854775807]"
    ),
    (
      one(#"{"dtype": "U8", "shape": [1152921504606846975], "data_offsets": [0, 1152921504606846975]}"#),
      "m: is cut short: the header promises 1152921504606847079 bytes, the file has 108 "
        + "(copy or download it again)"
    ),
    (
      safetensors(
        "{\"\u{e0}\": {\(good)}, \"a\u{300}\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}}",
        data: [UInt8](repeating: 0, count: 8)),
      "m: two tensors are called \"a\u{300}\""
    ),
  ]

  /// Such a header would take many times the file's size in memory.
  @Test func countlessValuesAreRefused() throws {
    let text = "{\"w\": [" + String(repeating: "0,", count: 5_000_000) + "0]}"
    let error = #expect(throws: UserError.self) { try parse(safetensors(text)) }
    #expect(
      error?.description.hasPrefix("m: the header is not JSON: more values than belong here at byte 8")
        == true)
  }

  @Test func hostileHeadersAreRefusedWithAReason() {
    var cases = 0
    for (bytes, message) in Self.hostile {
      cases += 1
      do {
        _ = try parse(bytes)
        Issue.record("was accepted instead of: \(message)")
      } catch let error as UserError {
        #expect(error.description == message)
        #expect(error.code == .data)
      } catch {
        Issue.record("\(error)")
      }
    }
    #expect(cases == 34)
  }
}
