package config

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// day is 24 hours: what is kept is kept for a length of time, not until a date.
const day = 24 * time.Hour

// maxDays is the most a time.Duration holds.
const maxDays = int(1<<63-1) / int(day)

// ParseKeep reads a length of time in days, as in 400d, or in Go's own units,
// as in 9600h. It is always positive.
func ParseKeep(text string) (time.Duration, error) {
	if number, ok := strings.CutSuffix(text, "d"); ok {
		days, err := strconv.Atoi(number)
		if err != nil || days <= 0 || days > maxDays {
			return 0, errors.New("is not a number of days")
		}
		return time.Duration(days) * day, nil
	}
	keep, err := time.ParseDuration(text)
	if err != nil || keep <= 0 {
		return 0, errors.New("is not a length of time")
	}
	return keep, nil
}

// FormatKeep is the inverse of ParseKeep; whole days are written as days, whole
// hours as hours.
func FormatKeep(keep time.Duration) string {
	switch {
	case keep%day == 0:
		return strconv.FormatInt(int64(keep/day), 10) + "d"
	case keep%time.Hour == 0:
		return strconv.FormatInt(int64(keep/time.Hour), 10) + "h"
	}
	return keep.String()
}
