package vty

import "fmt"

// command is one declaration.
type command struct {
	syntax string
	tokens []*token
	run    func(*Call) error
}

// node is a token in a tree, reached by the words before it.
type node struct {
	tok  *token
	next []*node
	// end is the command that a line may end with here, nil if none.
	end *command
	// shared nodes are the common beginnings of commands; what follows the first bracket of
	// a command is its own.
	shared bool
}

// tree holds the commands of one mode. It is a graph without cycles: behind an optional part
// ways come together again, so that its size is that of the declarations, not of all the
// lines that they allow.
type tree struct {
	root     *node
	commands []*command
}

func newTree() *tree { return &tree{root: &node{}} }

// add puts a command in.
func (t *tree) add(items []item, cmd *command) error {
	alone := &node{}
	if err := grow(alone, items, cmd); err != nil {
		return err
	}
	if alone.end != nil {
		return fmt.Errorf("an empty line would match")
	}
	for _, n := range alone.next {
		if n.tok.kind != keyword && n.tok.kind != number { // numbered lines of an access list
			return fmt.Errorf("a command begins with a keyword or a number, not with %s", n.tok.text)
		}
	}
	if other := overlap(t.root, alone, make(map[[2]*node]bool)); other != nil {
		return fmt.Errorf("says the same as %q", other.syntax)
	}
	at := t.root
	for len(items) > 0 && items[0].tok != nil {
		at = at.share(items[0].tok)
		items = items[1:]
	}
	return grow(at, items, cmd)
}

// share returns the node for a token behind n that all commands use which begin so.
func (n *node) share(tok *token) *node {
	for _, c := range n.next {
		if c.shared && c.tok.same(tok) {
			return c
		}
	}
	c := &node{tok: tok, shared: true}
	n.next = append(n.next, c)
	return c
}

// grow puts items behind a node, and the command's end behind them.
func grow(from *node, items []item, cmd *command) error {
	ends, err := chain([]*node{from}, items)
	for _, n := range ends {
		n.end = cmd
	}
	return err
}

// chain puts items behind all of the nodes and returns where they may end.
func chain(from []*node, items []item) ([]*node, error) {
	for _, it := range items {
		var ends []*node
		if it.tok != nil {
			n := &node{tok: it.tok}
			for _, f := range from {
				if f.tok != nil && f.tok.kind == rest {
					return nil, fmt.Errorf("nothing can follow %s", f.tok.text)
				}
				f.next = append(f.next, n)
			}
			from = []*node{n}
			continue
		}
		for _, alt := range it.alts {
			e, err := chain(from, alt)
			if err != nil {
				return nil, err
			}
			for _, n := range e {
				ends = appendNew(ends, n)
			}
		}
		if it.optional {
			for _, n := range from {
				ends = appendNew(ends, n)
			}
		}
		from = ends
	}
	return from, nil
}

func appendNew(nodes []*node, n *node) []*node {
	for _, have := range nodes {
		if have == n {
			return nodes
		}
	}
	return append(nodes, n)
}

// overlap finds a command behind a that some line matches with the same tokens as one behind b.
func overlap(a, b *node, seen map[[2]*node]bool) *command {
	if a.end != nil && b.end != nil {
		return a.end
	}
	pair := [2]*node{a, b}
	if seen[pair] {
		return nil
	}
	seen[pair] = true
	for _, na := range a.next {
		for _, nb := range b.next {
			if na.tok.means(nb.tok) {
				if c := overlap(na, nb, seen); c != nil {
					return c
				}
			}
		}
	}
	return nil
}
