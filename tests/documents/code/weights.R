# Weighs the catch of the day.
library(stats)

# Herring loses 6.5 percent of its weight on ice.
loss <- function(kilos, kind = "herring") {
  if (kind == "herring") {
    kilos * 0.065
  } else {
    0
  }
}

mean.catch = function(x) mean(x) - loss(mean(x))

print(mean.catch(c(12, 15)))
