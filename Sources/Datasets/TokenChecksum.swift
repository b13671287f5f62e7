// A checksum over all that is learned, to recognise data when a run resumes.
import Base

extension TokenSequences {
  /// FNV-1a over all tokens, targets and labels in their order: the same however the data is stored.
  package var checksum: FNV1a {
    var hash = FNV1a()
    if let knownChecksum {
      hash.value = knownChecksum
      return hash
    }
    func mix(_ view: TokenView) {
      view.forEachList { hash.mix($0) }
    }
    hash.mix(UInt64(count))
    mix(tokens)
    for count in targetCounts { hash.mix(UInt64(UInt32(bitPattern: count))) }
    if hasScatteredTargets || kind == .answers { mixTargets(into: &hash) }
    mix(texts)
    if kind == .tokenLabels { mix(tokenLabels) }
    if rowsPerSample > 1 { hash.mix(UInt64(rowsPerSample)) }
    for number in index.numbers { hash.mix(UInt64(number.bitPattern)) }
    index.release()
    return hash
  }

  /// The numbers of all tokens that are targets.
  private func mixTargets(into hash: inout FNV1a) {
    var reading = ListReading()
    for span in 0..<index.spans.count {
      let (start, length) = (index.spans.starts[span], index.spans.length(of: span))
      let place = index.spans.place(of: span)
      let mask = store.chunks[place.chunk].lossMask
      for token in 0..<length where mask[place.offset + token] { hash.mix(UInt64(start + token)) }
      reading.read(place, length: length, of: index.spans, in: store)
    }
    reading.release(index.spans, store)
  }
}
