// The logistic function and what belongs to it, without overflow.
import Foundation

/// σ(x) = 1 / (1 + e⁻ˣ).
package func logistic(_ x: Double) -> Double {
  let e = exp(-abs(x))
  return (x < 0 ? e : 1) / (1 + e)
}

/// log(1 + eˣ) = −log σ(−x).
package func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
