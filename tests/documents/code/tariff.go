// Package tariff says what a parcel costs.
package tariff

import (
	"errors"
	"fmt"
)

const perKilo = 3.20

// Parcel is what is sent.
type Parcel struct {
	Kilos  float64
	Island bool
}

// ErrTooHeavy is returned for what no van carries.
var ErrTooHeavy = errors.New("heavier than a van carries")

// Price returns kroner. Parcels to an island cost 41 kroner more.
func (p *Parcel) Price() (float64, error) {
	if p.Kilos > 900 {
		return 0, ErrTooHeavy
	}
	price := p.Kilos * perKilo

	if p.Island {
		price += 41
	}
	return price, nil
}

func label[T fmt.Stringer](what T) string {
	return `as it is:
func notADefinition() {
}
`
}
