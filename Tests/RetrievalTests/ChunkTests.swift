// Where long texts are cut.
import Base
import Retrieval
import Testing
import Tokenizers

@Suite struct ChunkTests {
  /// Each word is a token.
  private func placed(_ text: String) -> PlacedTokens {
    var tokens = PlacedTokens()
    var start: Int?
    let bytes = Array(text.utf8)
    for (place, byte) in (bytes + [0x20]).enumerated() {
      if byte == 0x20 || byte == 0x0A {
        if let first = start {
          tokens.tokens.append(Int32(tokens.tokens.count))
          tokens.places.append(first..<place)
        }
        start = nil
      } else if start == nil {
        start = place
      }
    }
    return tokens
  }

  private func chunks(_ text: String, tokens: Int, overlap: Int) -> [String] {
    let bytes = Array(text.utf8)
    return ChunkForm(tokens: tokens, overlap: overlap).chunks(of: bytes, placed(text)).map {
      String(decoding: bytes[$0], as: UTF8.self)
    }
  }

  @Test func chunksEndWhereSentencesDo() {
    let text = " One two three. Four five six! Seven eight (nine ten.) Eleven twelve\n\nThirteen fourteen? "
    #expect(
      chunks(text, tokens: 7, overlap: 0) == [
        "One two three. Four five six!", "Seven eight (nine ten.) Eleven twelve", "Thirteen fourteen?",
      ])
    #expect(chunks(text, tokens: 100, overlap: 10) == [text.trimmingPrefix(" ").dropLast()].map(String.init))
  }

  @Test func neighboursShareWholeSentences() {
    let text = "a b c. d e. f g h. i j k. l m."
    let found = chunks(text, tokens: 8, overlap: 4)
    #expect(found == ["a b c. d e. f g h.", "f g h. i j k. l m."])
  }

  /// A text without sentences is cut between words, and chunks share the words that they may.
  @Test func wordsAreNotCut() {
    let text = (0..<20).map { "w\($0)" }.joined(separator: " ")
    let found = chunks(text, tokens: 8, overlap: 2)
    #expect(found.first == "w0 w1 w2 w3 w4 w5 w6 w7")
    #expect(found.dropFirst().first == "w6 w7 w8 w9 w10 w11 w12 w13")
    #expect(found.last?.hasSuffix("w19") == true && found.count == 3)
  }

  /// Every token is in some chunk, none is longer than it may be, and places ascend.
  @Test func nothingIsLost() {
    var random = PhiloxStream(seed: 5, stream: 0)
    var tried = 0
    for _ in 0..<300 {
      let count = random.below(60) + 1
      let text = (0..<count).map { "t\($0)" + ["", ".", "。", "!", ",", "\n\n"][random.below(6)] }.joined(
        separator: " ")
      let (tokens, overlap) = (random.below(12) + 1, random.below(8))
      let bytes = Array(text.utf8)
      let placed = placed(text)
      let ranges = ChunkForm(tokens: tokens, overlap: overlap).chunks(of: bytes, placed)
      for place in placed.places {
        #expect(ranges.contains { $0.contains(place.lowerBound) && $0.upperBound >= place.upperBound })
      }
      for range in ranges {
        #expect(placed.places.count { range.overlaps($0) } <= tokens)
      }
      #expect(
        zip(ranges, ranges.dropFirst()).allSatisfy {
          $0.lowerBound < $1.lowerBound && $0.upperBound < $1.upperBound
        })
      tried += 1
    }
    #expect(tried == 300)
  }
}
