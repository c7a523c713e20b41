package zclient

import "testing"

// told are the releases of the test below.
var told = []version{
	{7, 5}, {8, 0}, {8, 1}, {8, 2}, {8, 3}, {8, 4}, {8, 5}, {9, 0}, {9, 1},
	{10, 0}, {10, 1}, {10, 2}, {10, 3}, {10, 4}, {10, 5}, {10, 6}, {10, 7},
}

// What each release of FRR says and wants to hear, one by one. The recordings vouch for
// 7.5, 8.4, 10.3 and 10.7; the others were read off FRR's releases, and no zebra was asked.
func TestTableByRelease(t *testing.T) {
	const (
		none   = numberless
		unsaid = -1
	)
	want := map[trait][]int{
		//                 7.5 8.0  8.1   8.2 8.3 8.4 8.5 9.0 9.1 10.0 10.1 10.2 10.3 10.4 10.5 10.6 10.7
		routerIDAdd:       {15, 15, 15, 15, 15, 15, 15, 15, 15, 16, 16, 16, 16, 16, 16, 16, 16},
		routerIDUpdate:    {17, 17, 17, 17, 17, 17, 17, 17, 17, 18, 18, 18, 18, 18, 18, 18, 18},
		hello:             {18, 18, 18, 18, 18, 18, 18, 18, 18, 19, 19, 19, 19, 19, 19, 19, 19},
		nexthopRegister:   {20, 20, 20, 20, 20, 20, 20, 20, 20, 21, 21, 21, 21, 21, 21, 21, 21},
		nexthopUnregister: {21, 21, 21, 21, 21, 21, 21, 21, 21, 22, 22, 22, 22, 22, 22, 22, 22},
		nexthopUpdate:     {22, 22, 22, 22, 22, 22, 22, 22, 22, 23, 23, 23, 23, 23, 23, 23, 23},
		vrfAdd:            {36, 36, 36, 33, 33, 33, 33, 33, 33, 34, 34, 33, 33, 33, 33, 33, 33},
		vrfDelete:         {37, 37, 37, 34, 34, 34, 34, 34, 34, 35, 35, 34, 34, 34, 34, 34, 34},
		// There is a number before 10.5 too, but nothing is heard of BGP there.
		nexthopLookup: {none, none, none, none, none, none, none, none, none, none, none, none, none, none, 40, 40, 40},
		// It is not known which number 8.0 has, and which 8.1.
		errorReply: {112, none, none, 118, 118, 118, 118, 118, 117, 118, 118, 120, 120, 120, 120, 120, 120},

		helloLen:         {9, 9, 9, 9, 9, 9, 9, 9, 9, 8, 8, 8, 8, 8, 8, 8, 8},
		ifNameLen:        {20, 20, 20, 20, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16},
		ifHasTxqlen:      {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1},
		ifHasKind:        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1},
		linkHasGroup:     {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1},
		asksForSAFI:      {0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
		hopCountLen:      {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2},
		hopWeightLen:     {4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8},
		hopHasLabelType:  {0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
		hasLocalProtocol: {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1},
		// No source was found for 10.3 and later.
		maxMessage: {16384, 16384, 16384, 16384, 16384, 16384, 16384, 16384, 16384, 16384, 16384, 16384, unsaid, unsaid, unsaid, unsaid, unsaid},
	}
	for i := range trait(traits) {
		if len(want[i]) != len(told) {
			t.Errorf("trait %d: %d values for %d releases", i, len(want[i]), len(told))
			continue
		}
		for n, v := range told {
			if r, known := releaseOf(v); !known || want[i][n] != unsaid && r.values[i] != want[i][n] {
				t.Errorf("%v, trait %d: %d, known %v; want %d", v, i, r.values[i], known, want[i][n])
			}
		}
	}
}
