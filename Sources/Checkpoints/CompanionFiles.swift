// What a Hugging Face folder holds beside weights and config.json: small files that every checkpoint gets a copy of.
import Base
import Foundation

/// The companions of a model, read once: its folder may be gone when a checkpoint is written.
package struct CompanionFiles: Sendable {
  package private(set) var files: [(name: String, bytes: [UInt8])] = []

  private static let names = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model", "vocab.json", "merges.txt",
    "generation_config.json", "chat_template.jinja",
  ]

  /// Adds files, or replaces those of the same names.
  package mutating func add(_ added: [(name: String, bytes: [UInt8])]) {
    files.removeAll { file in added.contains { $0.name == file.name } }
    files += added
  }

  /// The same without a file.
  func without(_ name: String) -> CompanionFiles {
    var others = self
    others.files.removeAll { $0.name == name }
    return others
  }

  /// No companions.
  package init() {}

  /// The companions that a folder has.
  /// - Throws: if one exists and cannot be read.
  package init(of folder: String) throws {
    for name in Self.names where access("\(folder)/\(name)", F_OK) == 0 {
      files.append((name, try OpenFile.contents("\(folder)/\(name)")))
    }
  }
}
