// A passage and how it is cut.
import Base
import Datasets

package struct ChunkedPassage: Sendable {
  package let passage: Passage
  /// Bytes of its text.
  package let chunks: [Range<Int>]
  /// Tells whether a later one of the same id says the same.
  package let hash: String

  package init(_ passage: Passage, chunks: [Range<Int>]) {
    self.passage = passage
    self.chunks = chunks
    hash = Self.hash(of: passage)
  }

  package static func hash(of passage: Passage) -> String {
    var hash = FNV1a(passage.text)
    hash.mix(256)
    for byte in passage.metadataText.utf8 { hash.mix(UInt64(byte)) }
    return hash.digits
  }

  /// The text of each chunk, UTF-8.
  var texts: [[UInt8]] { chunks.map { Array(passage.text[$0]) } }
}
