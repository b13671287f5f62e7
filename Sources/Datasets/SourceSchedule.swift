// Which source each sample of a run comes from, where shares change as the run goes on.
//
// A run is a list of phases with constant shares: until a source has been seen as often as it may, or while the shares
// move from one source to the next. So sample k is still a function of k alone.
import Base

/// In which order sources come: `data.order` of a recipe.
package enum SourceOrder: String, CaseIterable, Sendable {
  /// All together, in their shares.
  case mixed
  /// One after the other, as they are listed.
  case sequential
  /// The shares move from the first source to the last while the run goes on.
  case gradual
}

package struct SourceSchedule: Equatable, Sendable {
  /// Part of a run with constant shares of some sources.
  fileprivate struct Phase: Equatable {
    /// Its first sample.
    var start: Int
    /// The sources that it has, and their shares.
    var sources: [Int]
    var mixture: Mixture
    /// How many samples each of all sources has given before it.
    var given: [Int]
  }

  private var phases: [Phase]
  /// After how many samples every source has been seen as often as it may; nil where that never happens.
  package let end: Int?
  /// Samples of one epoch.
  package let epoch: Int

  /// The shares of sources that never change.
  package init(_ mixture: Mixture, samples: [Int], uses: [SourceUse]? = nil) {
    phases = [
      Phase(start: 0, sources: Array(samples.indices), mixture: mixture, given: samples.map { _ in 0 })
    ]
    end = nil
    epoch = mixture.epoch(samples, uses)
  }

  /// - Parameters:
  ///   - weights: of each source, positive.
  ///   - samples: that each source has, at least one.
  ///   - epochs: how often each source may be seen; nil for any number.
  ///   - uses: what each source is there for; nil where all are learned.
  ///   - moving: the share of each source that moves; other sources then may be seen any number of times.
  ///   - runLength: samples of the run in which shares move gradually.
  package init(
    _ order: SourceOrder, weights: [Double], samples: [Int], epochs: [Double?], uses: [SourceUse]? = nil,
    moving: [MovingShare?] = [], runLength: Int
  ) {
    let uses = uses ?? samples.map { _ in .learned }
    let limits = zip(samples, epochs).map { count, epochs in
      epochs.map { max(1, Int((Double(count) * $0).rounded())) }
    }
    if let source = moving.firstIndex(where: { $0 != nil }), let share = moving[source] {
      self.init(moving: share, of: source, weights, samples, uses)
      return
    }
    switch order {
    case .mixed where epochs.allSatisfy { $0 == nil }:
      self.init(Mixture(weights: weights), samples: samples, uses: uses)
    case .mixed: self.init(weights, samples, limits, uses)
    case .sequential: self.init(oneAfterAnother: samples, limits)
    case .gradual: self.init(gradual: weights, samples, runLength)
    }
  }

  /// Shares that hold until a source has been seen as often as it may; then the others go on without it. What is
  /// replayed goes on as long as anything is learned.
  private init(_ weights: [Double], _ samples: [Int], _ limits: [Int?], _ uses: [SourceUse]) {
    var left = Array(weights.indices)
    var given = weights.map { _ in 0 }
    var phases: [Phase] = []
    var start = 0
    func isOver() -> Bool { !left.contains { uses[$0] == .learned } }
    while !isOver() {
      let phase = Phase(
        start: start, sources: left, mixture: Mixture(weights: left.map { weights[$0] }), given: given)
      phases.append(phase)
      let ends = left.enumerated().compactMap { place, source in
        limits[source].map { phase.mixture.samples(until: $0 - given[source], of: place) }
      }
      guard let length = ends.min() else { break }
      start += length
      given = phase.givenBehind(length)
      left.removeAll { source in limits[source].map { given[source] >= $0 } ?? false }
    }
    self.phases = phases
    end = isOver() ? start : nil
    epoch = end ?? Mixture(weights: weights).epoch(samples, uses)
  }

  /// Each source as often as it may be seen, once by default. The last one goes on if nothing limits it.
  private init(oneAfterAnother samples: [Int], _ limits: [Int?]) {
    var phases: [Phase] = []
    var given = samples.map { _ in 0 }
    var start = 0
    for (source, count) in samples.enumerated() {
      phases.append(Phase(start: start, sources: [source], mixture: .one, given: given))
      given[source] = limits[source] ?? count
      start += given[source]
    }
    self.phases = phases
    end = limits.last == .some(nil) ? nil : start
    epoch = start
  }

  /// Between two neighbouring sources, shares move from the one to the other in proportion to the step. The schedule is
  /// cut into sixty-four phases.
  private init(gradual weights: [Double], _ samples: [Int], _ runLength: Int) {
    let count = max(1, min(64, runLength))
    var phases: [Phase] = []
    var given = weights.map { _ in 0 }
    for number in 0..<count {
      let start = number * runLength / count
      let place = (Double(number) + 0.5) / Double(count) * Double(max(1, weights.count - 1))
      let shares = weights.enumerated().map { source, weight in
        weight * max(0, 1 - abs(place - Double(source)))
      }
      let sources = weights.count == 1 ? [0] : shares.indices.filter { shares[$0] > 0 }
      let phase = Phase(
        start: start, sources: sources,
        mixture: Mixture(weights: weights.count == 1 ? [1] : sources.map { shares[$0] }), given: given)
      phases.append(phase)
      given = phase.givenBehind((number + 1) * runLength / count - start)
    }
    self.phases = phases
    end = nil
    epoch = samples.reduce(0, +)
  }

  /// The others keep their shares of what one source leaves. The way from its first share to its last is cut into
  /// sixty-four phases, or one for each sample.
  private init(
    moving share: MovingShare, of source: Int, _ weights: [Double], _ samples: [Int], _ uses: [SourceUse]
  ) {
    let count = max(1, min(64, share.samples))
    let others = weights.enumerated().reduce(0.0) { $1.offset == source ? $0 : $0 + $1.element }
    var phases: [Phase] = []
    var given = weights.map { _ in 0 }
    var start = 0
    for number in 0...count {
      let way = number == count ? 1 : (Double(number) + 0.5) / Double(count)
      // Shares of 1024ths have short patterns.
      let own = max(1, ((share.from + (share.to - share.from) * way) * 1024).rounded()) / 1024
      let mixture = Mixture(
        weights: weights.enumerated().map { $0.offset == source ? own : $0.element * (1 - own) / others })
      let phase = Phase(start: start, sources: Array(weights.indices), mixture: mixture, given: given)
      phases.append(phase)
      let next = (number + 1) * share.samples / count
      given = phase.givenBehind(next - start)
      start = next
    }
    self.phases = phases
    end = nil
    // Until the first source that is learned has been seen once.
    var epoch = Int.max
    for (other, count) in samples.enumerated() where uses[other] == .learned {
      let phase = phases.last { $0.given[other] < count } ?? phases[0]
      epoch = min(
        epoch, phase.start + phase.mixture.samples(until: count - phase.given[other], of: other))
    }
    self.epoch = epoch == .max ? samples.reduce(0, +) : epoch
  }

  /// The source of a sample of the run, and how many samples that source has given before it.
  package func source(of sample: Int) -> (source: Int, place: Int) {
    var (low, high) = (0, phases.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if phases[middle].start <= sample { low = middle } else { high = middle - 1 }
    }
    let phase = phases[low]
    let (place, earlier) = phase.mixture.source(of: sample - phase.start)
    let source = phase.sources[place]
    return (source, phase.given[source] + earlier)
  }

  /// A number that another schedule most likely does not have.
  package var checksum: UInt64 {
    var hash = FNV1a()
    for phase in phases {
      hash.mix(UInt64(phase.start))
      for (source, count) in zip(phase.sources, phase.mixture.counts) {
        hash.mix(UInt64(source))
        hash.mix(UInt64(count))
      }
    }
    return hash.value
  }
}

extension SourceSchedule.Phase {
  /// How many samples each of all sources has given after some samples of this phase.
  fileprivate func givenBehind(_ samples: Int) -> [Int] {
    var given = given
    for (place, count) in mixture.given(after: samples).enumerated() { given[sources[place]] += count }
    return given
  }
}
