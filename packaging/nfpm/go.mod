// The tool that packs. It is a module of its own, so that the dozens of modules it needs are none of msdpd's.
module msdpd/packaging/nfpm

go 1.25.0
