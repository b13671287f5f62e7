// The losses of pairs of answers. With the scores c and r of the better and the worse answer (log-ratios to a reference, or
// log-probabilities), σ the logistic function and ε the smoothing, in the formulas and with the defaults of TRL 1.
import Foundation
import Kernels

/// What a loss may depend on beside the scores.
struct PairConstants: Sendable, Equatable {
  /// β
  var beta: Double
  /// ε
  var smoothing = 0.0
  /// γ of SimPO.
  var gamma = 0.5
}

/// A loss and its slopes in both scores.
struct PairValue: Equatable {
  var loss: Double
  var better: Double
  var worse: Double

  /// Of a function of how much better the better answer scores.
  static func ofDifference(_ value: (loss: Double, slope: Double)) -> PairValue {
    PairValue(loss: value.loss, better: value.slope, worse: -value.slope)
  }
}

/// One loss of pairs.
struct PairLoss: Sendable {
  /// What a recipe calls it.
  let name: String
  /// Whether scores are log-ratios to a reference.
  var usesReference = true
  /// Whether scores are means over the tokens of an answer, whatever a recipe says.
  var takesMeans = false
  var smooths = false
  /// The usual weight of the better answers' cross-entropy, and whether that is of their prompts too.
  var sftWeight = 0.0
  var learnsPrompts = false
  /// - Parameters: c, r, and the constants.
  let value: @Sendable (Double, Double, PairConstants) -> PairValue

  /// A new one is one more here.
  static let all = [
    // Rafailov et al. 2023: −log σ(β (c − r)); with smoothing that of cDPO (Mitchell 2023), which TRL had until 0.29.
    PairLoss(name: "dpo", smooths: true) { better, worse, k in
      .ofDifference(logLoss(better - worse, k.beta, smoothing: k.smoothing))
    },
    // Azar et al. 2023, equation 17: (c − r − 1 / 2β)². Scores are means, as the authors told TRL.
    PairLoss(name: "ipo", takesMeans: true) { better, worse, k in
      let error = better - worse - 1 / (2 * k.beta)
      return .ofDifference((error * error, 2 * error))
    },
    // SLiC (Zhao et al. 2023): max(0, 1 − β (c − r)).
    PairLoss(name: "hinge") { better, worse, k in
      let room = 1 - k.beta * (better - worse)
      // NaN must stay one.
      return .ofDifference(room <= 0 ? (0, 0) : (room, -k.beta))
    },
    // Chowdhury et al. 2024: labels are flipped with the probability ε; the mean of the loss is that of right labels.
    PairLoss(name: "robust", smooths: true) { better, worse, k in
      let (right, flipped) = (
        logLoss(better - worse, k.beta), logLoss(worse - better, k.beta)
      )
      let (keep, flip) = ((1 - k.smoothing) / (1 - 2 * k.smoothing), k.smoothing / (1 - 2 * k.smoothing))
      return .ofDifference(
        (keep * right.loss - flip * flipped.loss, keep * right.slope + flip * flipped.slope))
    },
    // Hong et al. 2024, equations 4 and 7: −β log σ(log odds of c − log odds of r), with odds p / (1 − p).
    PairLoss(
      name: "orpo", usesReference: false, takesMeans: true, sftWeight: 1, learnsPrompts: true
    ) { better, worse, k in
      let odds = better - worse - logOneMinusExp(better) + logOneMinusExp(worse)
      let slope = -k.beta * logistic(-odds)
      // The slope of log p − log (1 − p) in log p is 1 / (1 − p).
      return PairValue(
        loss: k.beta * softplus(-odds), better: -slope / expm1(better), worse: slope / expm1(worse))
    },
    // Meng et al. 2024: −log σ(β (c − r) − γ).
    PairLoss(name: "simpo", usesReference: false, takesMeans: true, smooths: true) { better, worse, k in
      .ofDifference(
        logLoss(better - worse - k.gamma / k.beta, k.beta, smoothing: k.smoothing))
    },
    // Xu et al. 2024: −log σ(β (c − r)) beside the cross-entropy of the better answers.
    PairLoss(name: "cpo", usesReference: false, smooths: true, sftWeight: 1) { better, worse, k in
      .ofDifference(logLoss(better - worse, k.beta, smoothing: k.smoothing))
    },
  ]

  /// −(1 − ε) log σ(βx) − ε log σ(−βx), and its slope in x.
  private static func logLoss(
    _ x: Double, _ beta: Double, smoothing: Double = 0
  ) -> (loss: Double, slope: Double) {
    let z = beta * x
    return (
      (1 - smoothing) * softplus(-z) + smoothing * softplus(z),
      beta * (smoothing * logistic(z) - (1 - smoothing) * logistic(-z))
    )
  }

  /// log(1 − eˣ) for x below 0, without cancellation (Mächler 2012).
  private static func logOneMinusExp(_ x: Double) -> Double {
    x > -0.693147180559945 ? log(-expm1(x)) : log1p(-exp(x))
  }
}
