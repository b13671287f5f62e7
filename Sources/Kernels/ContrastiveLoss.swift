// The loss of texts that belong together: each first text has to find its second among the second texts of all samples,
// and among texts that do not belong to any (Henderson et al. 2017; `MultipleNegativesRankingLoss` of
// sentence-transformers).
//
//   s[i, j] = scale · sim(a[i], c[j]),  ℓ = −Σ log softmax(s[i])[i]
import Foundation

/// How texts are compared.
package struct ContrastiveForm: Sendable, Equatable {
  /// Factor of similarities: 20 for cosines.
  package var scale: Double
  /// Cosines, or plain products.
  package var isCosine: Bool
  /// How many leading numbers of an embedding are compared, each in a loss of its own that is added (Matryoshka
  /// representations, Kusupati et al. 2022); empty for all of them alone.
  package var sizes: [Int]

  package init(scale: Double, isCosine: Bool, sizes: [Int] = []) {
    self.scale = scale
    self.isCosine = isCosine
    self.sizes = sizes
  }
}

extension Engine {
  /// The losses of all samples.
  /// - Parameters:
  ///   - z: [samples · rows, width]: the embeddings of each sample's texts, one behind the other.
  ///   - rows: texts of a sample: 2, or 3 with one that does not belong to it.
  ///   - scale: the factor of each sample's gradient.
  ///   - dz: as `z`, written anew; nil for the losses alone.
  ///   - losses: [samples], written anew.
  package func contrastiveLoss(
    _ z: UnsafePointer<Float>, samples: Int, rows: Int, width: Int, form: ContrastiveForm, scale: Float,
    dz: UnsafeMutablePointer<Float>?, losses: UnsafeMutablePointer<Double>
  ) {
    losses.update(repeating: 0, count: samples)
    if let dz { clear(dz, count: samples * rows * width) }
    for size in form.sizes.isEmpty ? [width] : form.sizes {
      compare(
        z, samples: samples, rows: rows, width: width, size: size, form, scale: scale, dz: dz, losses: losses)
    }
  }

  /// Adds the losses and gradients of the first `size` numbers of each embedding.
  private func compare(
    _ z: UnsafePointer<Float>, samples: Int, rows: Int, width: Int, size: Int, _ form: ContrastiveForm,
    scale: Float,
    dz: UnsafeMutablePointer<Float>?, losses: UnsafeMutablePointer<Double>
  ) {
    let candidates = samples * (rows - 1)
    // First texts, then second ones, then third ones, as they are compared.
    func place(_ index: Int) -> Int { index % samples * rows + index / samples }
    var unit = [Float](repeating: 0, count: samples * rows * size)
    var inverse = [Float](repeating: 1, count: samples * rows)
    for index in 0..<samples * rows {
      let row = z + place(index) * width
      if form.isCosine {
        let squares = (0..<size).reduce(0.0) { $0 + Double(row[$1]) * Double(row[$1]) }
        // As torch's `normalize`.
        inverse[index] = Float(1 / max(squares.squareRoot(), 1e-12))
      }
      for column in 0..<size { unit[index * size + column] = row[column] * inverse[index] }
    }
    var scores = [Float](repeating: 0, count: samples * candidates)
    var slopes = [Float](repeating: 0, count: samples * rows * size)
    unit.withUnsafeBufferPointer { unit in
      let first = ConstMatrix(unit.baseAddress!, rows: samples, columns: size)
      let others = ConstMatrix(unit.baseAddress! + samples * size, rows: candidates, columns: size)
      scores.withUnsafeMutableBufferPointer { scores in
        let matrix = MutableMatrix(scores.baseAddress!, rows: samples, columns: candidates)
        multiply(.float32(first), .float32(others), .second, into: matrix)
        for row in 0..<samples {
          let s = scores.baseAddress! + row * candidates
          var peak = -Float.infinity
          for j in 0..<candidates { peak = max(peak, s[j]) }
          var total = 0.0
          for j in 0..<candidates { total += exp(form.scale * Double(s[j] - peak)) }
          losses[row] += log(total) - form.scale * Double(s[row] - peak)
          for j in 0..<candidates { s[j] = Float(exp(form.scale * Double(s[j] - peak)) / total * form.scale) }
          s[row] -= Float(form.scale)
        }
        guard dz != nil else { return }
        let dScores = ConstMatrix(scores.baseAddress!, rows: samples, columns: candidates)
        slopes.withUnsafeMutableBufferPointer { slopes in
          let base = slopes.baseAddress!
          multiply(
            .float32(dScores), .float32(others), into: MutableMatrix(base, rows: samples, columns: size))
          multiply(
            .float32(dScores), .float32(first), .first,
            into: MutableMatrix(base + samples * size, rows: candidates, columns: size))
        }
      }
    }
    guard let dz else { return }
    for index in 0..<samples * rows {
      let (u, d) = (index * size, dz + place(index) * width)
      // d(z / |z|): what is along the direction itself changes nothing.
      var along = 0.0
      if form.isCosine { for k in 0..<size { along += Double(slopes[u + k]) * Double(unit[u + k]) } }
      for k in 0..<size {
        d[k] += (slopes[u + k] - Float(along) * unit[u + k]) * inverse[index] * scale
      }
    }
  }

  /// The squared distances between similarities and the scores that pairs have (`CosineSimilarityLoss` of
  /// sentence-transformers). Parameters as above; pairs have two rows, and `form.scale` takes no part.
  package func similarityLoss(
    _ z: UnsafePointer<Float>, samples: Int, width: Int, scores: (Int) -> Float, form: ContrastiveForm,
    scale: Float,
    dz: UnsafeMutablePointer<Float>?, losses: UnsafeMutablePointer<Double>
  ) {
    losses.update(repeating: 0, count: samples)
    if let dz { clear(dz, count: samples * 2 * width) }
    for size in form.sizes.isEmpty ? [width] : form.sizes {
      for sample in 0..<samples {
        let (a, b) = (z + 2 * sample * width, z + (2 * sample + 1) * width)
        var (both, squaresA, squaresB) = (0.0, 0.0, 0.0)
        for k in 0..<size {
          both += Double(a[k]) * Double(b[k])
          squaresA += Double(a[k]) * Double(a[k])
          squaresB += Double(b[k]) * Double(b[k])
        }
        let (normA, normB) =
          form.isCosine ? (max(squaresA.squareRoot(), 1e-8), max(squaresB.squareRoot(), 1e-8)) : (1, 1)
        let similarity = both / (normA * normB)
        let difference = similarity - Double(scores(sample))
        losses[sample] += difference * difference
        guard let dz else { continue }
        let (dA, dB) = (dz + 2 * sample * width, dz + (2 * sample + 1) * width)
        let slope = 2 * difference * Double(scale)
        for k in 0..<size {
          let own = form.isCosine ? similarity : 0
          let (x, y) = (Double(a[k]), Double(b[k]))
          dA[k] += Float(slope * (y / (normA * normB) - own * x / (normA * normA)))
          dB[k] += Float(slope * (x / (normA * normB) - own * y / (normB * normB)))
        }
      }
    }
  }
}
