"""A real control plane on one machine: etcd, kube-apiserver, its controllers, a scheduler, kwok.

From the bottom up: `versions` names what is run, `toolchain` and `build` make it, `binaries` finds
it; `layout` is where one start keeps its files; `flags` says how each component is started and
`processes` starts and ends it; `lifecycle` puts these in order for `cli`.
"""
