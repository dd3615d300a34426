"""What the transformers driver is made of.

Before weights are read   refusals over folder, sentences (what files of sentence-transformers say) and arguments
Loading                   loading, casting, vocabulary (memory of tokenizers), heads (what a classifier's numbers mean)
Reading                   tokens, pairs, conversations, windows (how many fit), padding, company (who shares a batch)
Vectors                   embedding over encoders and modules (what comes after an encoder) over pooling
Writing                   decoding over habits (of the checkpoint), sampling, first; watching over stops over spelling
Pictures                  captioning over captioners, each a Decoder
"""
