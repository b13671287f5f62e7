// What the numbers of a tensor may be written as. Another type is one more file, and one more line here.

/// A type of ggml. Blocks of numbers go together; a row holds whole blocks.
package protocol GGUFType: Sendable {
  /// As `--type` has it.
  static var name: String { get }
  /// ggml's number of the type.
  static var number: UInt32 { get }
  /// llama.cpp's number of a file that is mostly of this type (`llama_ftype`).
  static var fileNumber: UInt32 { get }
  /// How many numbers make a block, and how many bytes that takes.
  static var block: (numbers: Int, bytes: Int) { get }
  /// Whether numbers are rounded so far that the matrix in front of the softmax keeps a finer type.
  static var isCoarse: Bool { get }
  /// The bytes of whole blocks.
  static func encode(_ values: UnsafeBufferPointer<Float>) -> [UInt8]
}

extension GGUFType {
  package static var isCoarse: Bool { false }
  package static func bytes(_ numbers: Int) -> Int { numbers / block.numbers * block.bytes }
}

package let ggufTypes: [any GGUFType.Type] = [F32.self, F16.self, BF16.self, Q8_0.self, Q4_0.self, Q4_K.self]
